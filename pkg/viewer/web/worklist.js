import { ask, ends, held, make, mm2, percent, plain } from "/static/page.js";

const slides = document.getElementById("slides");
const summary = document.getElementById("summary");

// states as a person says them; the others are words already.
const states = { tile: "being tiled", tiling: "being tiled", segment: "being segmented", stitch: "being joined", tiled: "not segmented" };

// figures are none where there is no result, whatever the state: one entry must not hide the others.
function figures(e) {
  if (e.state !== "done") return [make("b", { class: "state" }, states[e.state] ?? e.state), ...tags(e)];
  if (e.carcinoma_mm2 == null && !e.no_statement) return [make("b", { class: "state" }, "done, areas not known"), ...tags(e)];
  if (e.no_statement) return [make("b", { class: "state" }, `done, ${e.no_statement}`), make("span", {}, foundAnyhow(e)), ...tags(e)];
  return [make("b", {}, mm2(e.carcinoma_mm2)), make("span", {}, share(e)), ...tags(e)];
}

// foundAnyhow is what stands below a run that is no statement on its slide: no "0 mm²", which would say that carcinoma was
// looked for; what was found all the same is not kept back.
function foundAnyhow(e) {
  return e.carcinoma_mm2 > 0 ? `no statement; carcinoma on ${mm2(e.carcinoma_mm2)} all the same` : "no statement";
}

// tags say what is urgent about an order, and what is not its result.
function tags(e) {
  const words = [...(e.earlier ? ["earlier run"] : []), ...(e.priority && e.priority !== "routine" ? [e.priority] : []), ...(e.late ? ["late"] : [])];
  return words.length ? [make("div", {}, ...words.map((word) => make("span", { class: `tag ${word}` }, word)))] : [];
}

// share is none where nothing could be said: that is no "0 %".
function share(e) {
  if (!(e.scored_mm2 > 0)) return "no statement";
  const of = e.uncertain_mm2 > 0 ? `the ${mm2(e.scored_mm2)} that are not uncertain` : `${mm2(e.scored_mm2)} tissue`;
  return `${percent(e.carcinoma_fraction)} of ${of}`;
}

// uncounted says why an earlier run does not count, and where the last order stands on the list in vain, that.
function uncounted(e, order, last) {
  return `Does not count: the slide was ordered anew since${order ? `, as ${order}` : ""}${ends[last] ? `; that order ${ends[last]}` : ""}`;
}

function words(e, last) {
  const text = e.reason || e.rank_reason || (e.state === "tiled" ? "not segmented yet" : "");
  const order = [e.accession, e.file].filter(Boolean).join(" · ");
  const name = e.earlier ? "" : order;
  const id = [e.slide, e.model, e.threshold ? `threshold ${e.threshold}` : ""].filter(Boolean).join(" · ");
  const lines = [...(name ? [make("b", {}, name), " "] : []), make("span", { class: "id" }, id), make("p", { class: "reason", title: text }, held(plain(text)))];
  if (e.earlier) lines.push(make("span", { class: "anew" }, uncounted(e, order, last)));
  if (e.not_analysed_mm2 > 0) lines.push(make("span", {}, `${mm2(e.not_analysed_mm2)} not analysed`));
  return lines;
}

// picture is left blank where there is none: a slide may have failed before its pyramid.
function picture(e) {
  if (!e.width && e.state !== "tiled") return make("div", { class: "blank" }, "no picture");
  const image = make("img", { src: `/slides/${e.slide}/thumbnail.jpeg`, alt: "", loading: "lazy" });
  image.addEventListener("error", () => { image.style.visibility = "hidden"; });
  return image;
}

// card is one line of the list; last is the state of the slide's last order, if e is of an earlier one.
function card(e, last) {
  const image = picture(e);
  const inside = [image, make("div", {}, ...words(e, last)), make("div", { class: "score" }, ...figures(e))];
  const open = e.state === "done" || e.state === "tiled";
  const kind = e.earlier ? "card past" : "card";
  const href = `/slides/${e.slide}${e.run ? `#${e.run}` : ""}`;
  return make("li", {}, open ? make("a", { class: kind, href }, ...inside) : make("div", { class: `${kind} ${e.state}` }, ...inside));
}

// counted says how many slides there are, and what the list has beside one line for each.
function counted(entries) {
  const slides = new Set(entries.map((e) => e.slide)).size;
  const earlier = entries.filter((e) => e.earlier).length;
  const several = entries.length - earlier > slides ? ` with ${entries.length - earlier} results` : ""; // no order says which counts
  const past = earlier ? ` and ${earlier} earlier ${earlier === 1 ? "run" : "runs"}` : "";
  return `${slides} ${slides === 1 ? "slide" : "slides"}${several}${past}`;
}

async function show() {
  try {
    const entries = await ask("/api/v1/worklist");
    const last = new Map(entries.filter((e) => !e.earlier).map((e) => [e.slide, e.state]));
    slides.replaceChildren(...entries.map((e) => card(e, last.get(e.slide))));
    summary.textContent = entries.length ? `${counted(entries)}, those that need a person first.`
      : "No slides yet. Make one with “slidemill demo”, or run your own with “slidemill run SLIDE”.";
  } catch (error) {
    summary.textContent = `The worklist cannot be read: ${error.message}`;
  }
}

show();
setInterval(() => { if (!document.hidden) show(); }, 10000);
