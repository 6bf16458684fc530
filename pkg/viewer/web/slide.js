import { ask, ends, held, make, mm2, percent, plain } from "/static/page.js";
import { drawScaleBar } from "/static/scalebar.js";

const get = (id) => document.getElementById(id);
const slide = location.pathname.split("/")[2];

function notice(text) {
  get("notice").textContent = text;
  get("notice").hidden = false;
}

function open() {
  return OpenSeadragon({
    element: get("slide"),
    tileSources: `/slides/${slide}/pyramid.dzi`,
    showNavigationControl: false,
    showNavigator: true,
    navigatorPosition: "BOTTOM_RIGHT",
    maxZoomPixelRatio: 4,
    minZoomImageRatio: 0.7,
    gestureSettingsMouse: { clickToZoom: false },
    animationTime: 0.4,
    crossOriginPolicy: false,
    drawer: "canvas",
  });
}

// lay puts the overlay on the slide. The overlay's last column and row reach a little beyond the slide,
// so the run says how wide it is in widths of the slide.
function lay(viewer, run, alignment) {
  return new Promise((resolve, reject) => {
    viewer.addTiledImage({
      tileSource: `/slides/${slide}/runs/${run}/overlay.dzi`,
      width: alignment.width,
      opacity: get("opacity").value / 100,
      success: (event) => resolve(event.item),
      error: () => reject(new Error("the overlay cannot be read")),
    });
  });
}

function controls(layer) {
  const update = () => {
    get("opacity-value").textContent = `${get("opacity").value} %`;
    layer.setOpacity(get("show").checked ? get("opacity").value / 100 : 0);
  };
  get("opacity").addEventListener("input", update);
  get("show").addEventListener("change", update);
  update();
}

// unlike says on top that the slide as a whole lies outside what the model was trained on.
function unlike(report) {
  const check = (report.qc ?? []).find((c) => c.check === "distance_from_training" && c.status === "fail");
  get("unlike").hidden = !check;
  if (check) get("unlike").textContent = `The slide as a whole: ${String(check.value).split("; ").at(-1)}.`;
}

function figure(value, label) {
  return make("div", {}, make("b", {}, value), make("span", {}, label));
}

function figures(report) {
  const uncertain = report.uncertain_mm2 ?? 0; // runs of older versions do not say
  const scored = report.analysed_mm2 - uncertain;
  get("figures").replaceChildren(
    figure(mm2(report.carcinoma_mm2), "outlined carcinoma"),
    scored > 0 ? figure(percent(report.carcinoma_fraction), uncertain > 0 ? "of the tissue that is not uncertain" : "of analysed tissue")
      : figure("no statement", "all tissue is uncertain"),
    figure(mm2(report.analysed_mm2), "analysed"),
    figure(mm2(report.not_analysed_mm2), "not analysed"),
    ...(uncertain > 0 ? [figure(mm2(uncertain), "uncertain: unlike the training images, read with care")] : []),
  );
}

// reasons are why something was not analysed, by the names of the report's areas and the overlay's colours.
const reasons = {
  unplanned: "in no region that was computed",
  pen: "pen on the glass",
  bubble: "below an air bubble",
  blurred: "far out of focus",
  unreadable: "not readable in the file",
  unscanned: "not scanned",
};

// excluded adds to the legend what was left out on this slide and why.
function excluded(report) {
  for (const [name, words] of Object.entries(reasons)) {
    const area = report.not_analysed?.[`${name}_mm2`] ?? 0;
    if (area > 0) get("legend").append(make("li", {}, make("i", { class: `unknown ${name}` }), ` not analysed: ${words}, ${mm2(area)}`));
  }
}

// checks lists quality control: what a person should know first, then what passed.
function checks(list) {
  const name = (c) => c.check.replace(/_(share|um_per_px|mm2)$/, "").replaceAll("_", " ");
  const bad = list.filter((c) => c.status !== "pass");
  const passed = list.filter((c) => c.status === "pass");
  get("checks").replaceChildren(
    ...bad.map((c) => make("li", { class: c.status }, make("b", {}, c.status), ` ${held(c.words ?? `${name(c)}: ${c.value}`)}`)),
    ...(passed.length ? [make("li", {}, make("b", {}, "pass"), ` ${passed.map(name).join(", ")}`)] : []),
    ...(list.length ? [] : [make("li", {}, "This run made no checks.")]),
  );
}

// lesions lists the outlined areas; choosing one shows it with some tissue around.
function lesions(viewer, list) {
  let at = -1;
  const buttons = list.map((lesion, i) => {
    const button = make("button", { type: "button" }, `${i + 1}. ${mm2(lesion.area_mm2)}`,
      make("span", {}, `p ${lesion.mean_probability.toFixed(2)}, ${lesion.longest_mm.toFixed(1)} mm${lesion.uncertain > 0 ? ", uncertain" : ""}`));
    button.addEventListener("click", () => go(i));
    return button;
  });
  const go = (i) => {
    if (!list.length) return;
    at = (i + list.length) % list.length;
    const [x0, y0, x1, y1] = list[at].bbox;
    const [mx, my] = [(x1 - x0) / 2, (y1 - y0) / 2];
    const image = viewer.world.getItemAt(0);
    viewer.viewport.fitBounds(image.imageToViewportRectangle(x0 - mx, y0 - my, x1 - x0 + 2 * mx, y1 - y0 + 2 * my));
    buttons.forEach((b, k) => (k === at ? b.setAttribute("aria-current", "true") : b.removeAttribute("aria-current")));
    buttons[at].scrollIntoView({ block: "nearest" });
  };
  get("lesions").replaceChildren(...buttons.map((b) => make("li", {}, b)));
  if (!list.length) get("lesions").replaceChildren(make("li", {}, "None. This does not exclude carcinoma."));
  return { next: () => go(at + 1), previous: () => go(at < 0 ? list.length - 1 : at - 1) };
}

function keys(jump) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "o") get("show").click();
    if (event.key === "n") jump.next();
    if (event.key === "p") jump.previous();
    if (event.key === "w" && !get("reason").open) get("why").click();
  });
}

function provenance(report, manifest, runs) {
  get("model").textContent = `${report.run.model.name} ${report.run.model.version}, run ${report.run.id}${runs > 1 ? `, one of ${runs} (see worklist)` : ""}`;
  const rows = {
    "Slide SHA-256": manifest.sha256,
    Scale: `${report.slide.mpp} µm/px (from ${report.slide.mpp_source})`,
    Model: `${report.run.model.name} ${report.run.model.version}`,
    "Model SHA-256": report.run.model.sha256,
    Run: report.run.id,
    Threshold: String(report.run.parameters.threshold),
  };
  get("provenance").replaceChildren(...Object.entries(rows).flatMap(([k, v]) => [make("dt", {}, k), make("dd", {}, v)]));
}

function links(run) {
  const base = `/slides/${slide}/runs/${run}`;
  get("links").replaceChildren(
    make("a", { href: `${base}/report.html` }, "Report"),
    make("a", { href: `${base}/contours.geojson`, download: "" }, "Outlines"),
    make("a", { href: `${base}/mask.tiff`, download: "" }, "Mask"),
  );
}

// why asks what drove the score in the middle of the view. The server explains one place at a time; closing
// the window takes the question back.
function why(viewer, run) {
  const button = get("why");
  let usual = 0; // seconds that the last answer took
  button.disabled = false;
  button.addEventListener("click", async () => {
    const middle = viewer.world.getItemAt(0).viewportToImageCoordinates(viewer.viewport.getCenter(true));
    const [x, y] = [Math.max(0, Math.round(middle.x)), Math.max(0, Math.round(middle.y))];
    const question = new AbortController();
    const takeBack = () => question.abort();
    button.disabled = true;
    get("reason-image").hidden = true;
    get("reason").addEventListener("close", takeBack);
    get("reason").showModal();
    const waiting = wait(usual);
    try {
      const answer = await fetch(`/slides/${slide}/runs/${run}/explain?x=${x}&y=${y}`, { signal: question.signal });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      URL.revokeObjectURL(get("reason-image").src);
      get("reason-image").src = URL.createObjectURL(await answer.blob());
      get("reason-image").hidden = false;
      usual = waiting();
      get("reason-text").textContent = `${said(answer)}${frame(viewer, answer)} Research use only, not for diagnostic procedures.`;
    } catch (error) {
      waiting();
      get("reason-text").textContent = error.message;
    }
    get("reason").removeEventListener("close", takeBack);
    button.disabled = false;
  });
}

// said is what the server says of its picture.
function said(answer) {
  return decodeURIComponent(answer.headers.get("Slidemill-Said") ?? "");
}

// frame marks the window that an answer is of on the slide, and says how little of the view it is where that is so: from
// far away many places lie in the middle of the view.
function frame(viewer, answer) {
  const [x0, y0, x1, y1] = (answer.headers.get("Slidemill-Window") ?? "").split(" ").map(Number);
  if (!(x1 > x0)) return "";
  const place = viewer.world.getItemAt(0).imageToViewportRectangle(x0, y0, x1 - x0, y1 - y0);
  viewer.removeOverlay("asked");
  viewer.addOverlay({ element: make("div", { id: "asked", title: "the place of the last “Why?”" }), location: place });
  const times = Math.round(viewer.viewport.getBounds(true).width / place.width);
  return times < 4 ? "" : ` The view was ${times} times as wide as this window, which is marked in its middle: zoom in to choose a place.`;
}

// wait shows that an answer is being made, for how long, and how long the last one took. What it returns ends
// that, and says how many seconds went by.
function wait(usual) {
  const [began, bar] = [performance.now(), get("reason-progress")];
  const passed = () => (performance.now() - began) / 1000;
  const tick = () => {
    get("reason-text").textContent = `Looking at the place: ${Math.round(passed())} s${usual ? ` of about ${Math.round(usual)}` : ", usually some seconds"}.`;
    if (usual) bar.value = Math.min(passed() / usual, 0.98);
  };
  bar.removeAttribute("value");
  bar.hidden = false;
  tick();
  const timer = setInterval(tick, 250);
  return () => {
    clearInterval(timer);
    bar.hidden = true;
    return passed();
  };
}

// named says what the laboratory calls the slide. The names are those of the last order; another run belongs to
// an earlier one, perhaps of another case.
function named(order, run, counts) {
  const name = [order?.accession, order?.file].filter(Boolean).join(" · ");
  const earlier = Boolean(counts && run && counts !== run);
  get("name").textContent = [earlier ? "" : name, slide].filter(Boolean).join(" · ");
  get("earlier").hidden = !earlier;
  if (earlier) get("earlier").textContent = ["A result of an earlier order.", anew(name, ends[order?.state])].filter(Boolean).join(" ");
}

// anew says as what the slide was ordered last, and of an order that ended without a result, how: nobody is to wait for it.
function anew(name, end) {
  if (!name && !end) return "";
  return `The slide was ordered last${name && ` as ${name}`}${end ? `; that order ${end}` : ""}.`;
}

// ended says of an order that no result will come of how it ended, when and why, and how to order the slide again: whoever
// reads "not yet" waits. It is "" where there is something to wait for, or nobody knows of an order.
function ended(order) {
  const end = ends[order?.state];
  if (!end) return "";
  const when = order.ended ? ` on ${new Date(order.ended).toLocaleString()}` : "";
  const why = plain(order.reason ?? "");
  const how = `was ${why}`.startsWith(`${end} `) ? `was ${why}${when}` : `${end}${when}${why && `: ${why}`}`;
  const again = order.state === "replaced" ? "" : ` To order it again: “slidemill submit FILE”${order.file ? `, FILE being the path of ${order.file}` : ""}.`;
  return `The order of this slide ${how.replace(/\.$/, "")}. No result will come of it.${again}`;
}

// without is what stands on the page of a slide that has no result.
function without(order, picture) {
  const end = ended(order);
  if (picture) return end || `This slide has not been segmented${order ? " yet" : ""}.`;
  return end ? `This slide has no picture. ${end}` : `This slide has no picture yet${order?.reason ? `: ${plain(order.reason)}` : ""}.`;
}

async function start() {
  get("name").textContent = slide;
  const { manifest, runs, order, counts = order?.run } = await ask(`/api/v1/slides/${slide}`);
  const run = location.hash.slice(1) || (runs.includes(counts) ? counts : runs.at(-1));
  named(order, run, counts);
  if (!manifest) return notice(without(order, false));
  const viewer = open();
  viewer.addHandler("open-failed", () => notice("The slide's pyramid cannot be read."));
  viewer.addHandler("tile-load-failed", () => notice("Some tiles could not be loaded. Blank areas are not negative."));
  await new Promise((resolve) => viewer.addOnceHandler("open", resolve));
  let mpp = manifest.info.mpp.x; // the file's own; a run may have been told better
  const update = () => drawScaleBar(get("scale"), viewer, mpp);
  ["animation", "resize", "open"].forEach((name) => viewer.addHandler(name, update));
  update();
  if (!run || (run === order?.run && !runs.includes(run))) return notice(without(order, true)); // a link may name a run to come
  const { report, manifest: promise } = await ask(`/api/v1/slides/${slide}/runs/${run}`);
  if (ends[report.status]) return notice(ended({ file: order?.file, state: report.status, reason: report.reason }));
  mpp = report.slide.mpp;
  update();
  get("result").hidden = false;
  unlike(report);
  figures(report);
  excluded(report);
  checks(report.qc ?? []);
  keys(lesions(viewer, report.lesions ?? []));
  provenance(report, manifest, runs.length);
  links(run);
  why(viewer, run);
  if (promise.slide_sha256 !== manifest.sha256) return notice("The overlay belongs to another slide and is not shown.");
  controls(await lay(viewer, run, promise.alignment));
}

addEventListener("hashchange", () => location.reload());
start().catch((error) => notice(error.message));
