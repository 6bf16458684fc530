// What both pages share: asking the API and making elements.

export async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${(await answer.text()).trim() || answer.status}`);
  return answer.json();
}

// make builds an element; children that are strings become text, never markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const mm2 = (v) => held(`${v < 10 ? v.toFixed(2) : v.toFixed(1)} mm²`);
export const percent = (v) => held(`${(100 * v).toFixed(1)} %`);

// held keeps a number and its unit on one line.
export function held(text) {
  return text.replace(/(\d) (?=%|mm|µm)/g, "$1\u00a0");
}

// ends are how an order ends that no result will come of.
export const ends = { cancelled: "was cancelled", failed: "failed", refused: "was refused", replaced: "was replaced" };

// plain is a reason without the technical detail that follows behind it.
export const plain = (reason) => reason.split(" (technical: ")[0];
