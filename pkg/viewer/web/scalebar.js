// A scale bar of a round length between 60 and 200 pixels of the screen.

const lengths = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]; // µm

export function drawScaleBar(element, viewer, mpp) {
  const image = viewer.world.getItemAt(0);
  if (!image || !(mpp > 0)) return;
  const pixels = image.viewportToImageZoom(viewer.viewport.getZoom(true)) / mpp; // of the screen per µm
  const length = lengths.findLast((l) => l * pixels <= 200) ?? lengths[0];
  element.querySelector("i").style.width = `${length * pixels}px`;
  element.querySelector("span").textContent = length < 1000 ? `${length} µm` : `${length / 1000} mm`;
}
