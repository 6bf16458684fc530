import { ask, make, mm2, percent } from "/static/page.js";

const slides = document.getElementById("slides");
const summary = document.getElementById("summary");

function figures(e) {
  if (e.state !== "done") return [make("b", {}, e.state)];
  return [make("b", {}, mm2(e.carcinoma_mm2)), make("span", {}, `${percent(e.carcinoma_fraction)} of tissue`)];
}

function words(e) {
  const text = e.reason || e.rank_reason || (e.state === "tiled" ? "not segmented yet" : "");
  const lines = [make("span", { class: "id" }, e.slide), make("p", { class: "reason" }, text)];
  if (e.not_analysed_mm2 > 0) lines.push(make("span", {}, `${mm2(e.not_analysed_mm2)} not analysed`));
  return lines;
}

function card(e) {
  const image = make("img", { src: `/slides/${e.slide}/thumbnail.jpeg`, alt: "", loading: "lazy" });
  const inside = [image, make("div", {}, ...words(e)), make("div", { class: "score" }, ...figures(e))];
  const open = e.state === "done" || e.state === "tiled";
  const href = `/slides/${e.slide}${e.run ? `#${e.run}` : ""}`;
  return make("li", {}, open ? make("a", { class: "card", href }, ...inside) : make("div", { class: `card ${e.state}` }, ...inside));
}

async function show() {
  try {
    const entries = await ask("/api/v1/worklist");
    slides.replaceChildren(...entries.map(card));
    summary.textContent = entries.length
      ? `${entries.length} ${entries.length === 1 ? "slide" : "slides"}, those that need a person first.`
      : "No slides yet. Make one with “slidemill demo”, or run your own with “slidemill run SLIDE”.";
  } catch (error) {
    summary.textContent = `The worklist cannot be read: ${error.message}`;
  }
}

show();
setInterval(() => { if (!document.hidden) show(); }, 10000);
