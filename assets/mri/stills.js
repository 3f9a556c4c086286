/*
 * Without WebGL (kiosk tablets, locked-down thin clients): slices as PNG from the server, laid into the frame by CSS.
 * The neighbours of a slice are fetched ahead; what was shown once comes out of the browser's cache.
 */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});
  const AHEAD = [1, -1, 2, -2];

  /** One picture per slice: `/volume/<id>/<plane>/<index>.png`. */
  function address(url, plane, index) {
    return url.replace(/\.vti$/, `/${plane}/${index}.png`);
  }

  mri.StillPainter = class StillPainter {
    constructor(pane, { failed }) {
      Object.assign(this, { pane, failed, readers: null });
      this.image = this.picture("clams-mri-still");
      this.overlay = this.picture("clams-mri-still clams-mri-still-overlay");
      this.image.addEventListener("error", () => this.failed("A slice could not be loaded."));
      this.overlay.addEventListener("error", () => this.failed("The lesion overlay could not be loaded."));
    }

    picture(className) {
      const picture = document.createElement("img");
      picture.className = className;
      picture.alt = "";
      picture.draggable = false;
      this.pane.frame.querySelector(".clams-mri-stills").append(picture);
      return picture;
    }

    adopt() {
      return true;
    }

    draw({ plane, placement, index, slot, levels, overlay, name, overlayUrl }) {
      if (!placement.width || !placement.height) return false;
      this.lay(this.image, slot.url, name, index);
      this.overlay.hidden = !(overlay.on && overlayUrl);
      if (!this.overlay.hidden) this.lay(this.overlay, overlayUrl, name, index);
      this.overlay.style.opacity = String(overlay.opacity);
      // The same straight line as a window of grey levels, in the two terms that CSS has for it.
      const gain = 255 / (levels[1] - levels[0]);
      const contrast = 1 + (2 * gain * levels[0]) / 255;
      this.image.style.filter = `brightness(${gain / contrast}) contrast(${contrast})`;
      this.fit(plane, placement, slot);
      for (const step of AHEAD) {
        const next = index + step;
        if (next >= 0 && next < slot.shape[plane.axis]) new Image().src = address(slot.url, name, next);
      }
      return true;
    }

    lay(picture, url, name, index) {
      const wanted = address(url, name, index);
      if (picture.getAttribute("src") !== wanted) picture.setAttribute("src", wanted);
    }

    fit({ horizontal, vertical, right, up }, placement, { shape, spacing_mm: spacing, origin_mm: origin }) {
      const edge = (axis, last) => origin[axis] + spacing[axis] * (last ? shape[axis] - 0.5 : -0.5);
      const corner = [0, 0, 0];
      corner[horizontal] = edge(horizontal, right[horizontal] < 0);
      corner[vertical] = edge(vertical, up[vertical] > 0);
      const { x, y } = placement.toPixels(corner);
      for (const { style } of [this.image, this.overlay]) {
        style.left = `${x}px`;
        style.top = `${y}px`;
        style.width = `${(shape[horizontal] * spacing[horizontal]) / placement.mmPerPx}px`;
        style.height = `${(shape[vertical] * spacing[vertical]) / placement.mmPerPx}px`;
      }
    }
  };
})();
