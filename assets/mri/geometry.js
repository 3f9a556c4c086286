/*
 * Planes and their millimetres. World coordinates are RAS+ mm: x to the patient's right, y to anterior, z to superior.
 * Axial and coronal planes are shown in radiological convention, the sagittal one with anterior at left.
 */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});
  const MARGIN = 1.05;
  const SIDES = ["RL", "AP", "SI"];

  mri.PLANES = {
    axial: { axis: 2, right: [-1, 0, 0], up: [0, 1, 0], setSlice: "setKSlice", edges: "RLAP" },
    coronal: { axis: 1, right: [-1, 0, 0], up: [0, 0, 1], setSlice: "setJSlice", edges: "RLSI" },
    sagittal: { axis: 0, right: [0, -1, 0], up: [0, 0, 1], setSlice: "setISlice", edges: "APSI" },
  };
  for (const plane of Object.values(mri.PLANES)) {
    const { right: r, up: u } = plane;
    plane.horizontal = r.findIndex((part) => part !== 0);
    plane.vertical = u.findIndex((part) => part !== 0);
    plane.toViewer = [r[1] * u[2] - r[2] * u[1], r[2] * u[0] - r[0] * u[2], r[0] * u[1] - r[1] * u[0]];
  }

  /** One coordinate in words, such as "R 31.5". */
  mri.side = function (axis, mm) {
    return `${SIDES[axis][mm < 0 ? 1 : 0]} ${Math.abs(mm).toFixed(1)}`;
  };

  /** How a plane lies in its frame: which point is at the middle, how long a pixel is. */
  mri.Placement = class Placement {
    /** `view`: zoom, and the point of the middle where the reader has moved it (null = middle of the box). */
    constructor(plane, box_mm, width, height, view) {
      const [low, high] = box_mm;
      const extent = (axis) => high[axis] - low[axis];
      Object.assign(this, { plane, width, height });
      this.mmPerPx = (MARGIN * Math.max(extent(plane.horizontal) / width, extent(plane.vertical) / height)) / view.zoom;
      this.centre = view.centre || low.map((value, axis) => (value + high[axis]) / 2);
    }

    sameAs(other) {
      const { plane, width, height, mmPerPx, centre } = other;
      const same = this.plane === plane && this.width === width && this.height === height && this.mmPerPx === mmPerPx;
      return same && this.centre.every((value, axis) => value === centre[axis]);
    }

    toPixels(mm) {
      const { plane, centre } = this;
      const across = (mm[plane.horizontal] - centre[plane.horizontal]) * plane.right[plane.horizontal];
      const along = (mm[plane.vertical] - centre[plane.vertical]) * plane.up[plane.vertical];
      return { x: this.width / 2 + across / this.mmPerPx, y: this.height / 2 - along / this.mmPerPx };
    }

    /** The point `through` moved within the plane to under a pixel. */
    toMm(x, y, through) {
      const { plane, centre } = this;
      const mm = through.slice();
      const across = (x - this.width / 2) * this.mmPerPx;
      const along = (this.height / 2 - y) * this.mmPerPx;
      mm[plane.horizontal] = centre[plane.horizontal] + across * plane.right[plane.horizontal];
      mm[plane.vertical] = centre[plane.vertical] + along * plane.up[plane.vertical];
      return mm;
    }
  };
})();
