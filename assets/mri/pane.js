/* One pane of a scene: one study in one plane, its letters, its crosshair. What draws it is a painter. */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});

  mri.Pane = class Pane {
    constructor(scene, element) {
      Object.assign(this, { scene, element, slotName: element.dataset.slot, placement: null, drawn: null });
      this.frame = element.querySelector(".clams-mri-frame");
      this.glass = element.querySelector(".clams-mri-glass");
      this.painter = mri.hasWebGl()
        ? new mri.SlicePainter(this, {
            lost: () => scene.fail("The browser gave up drawing (graphics context lost). Reload the page."),
            released: () => queueMicrotask(() => scene.left()),
            resized: () => this.resize(),
          })
        : new mri.StillPainter(this, { failed: (message) => scene.say(message) });
      this.position = element.querySelector(".clams-mri-position");
      this.measure();
      this.observer = new ResizeObserver(() => this.resize());
      this.observer.observe(this.frame);
      mri.listen(this);
      this.name = element.dataset.plane;
    }

    get name() {
      return this.planeName;
    }

    /** Which plane is shown; its letters go with it. */
    set name(name) {
      this.planeName = name;
      this.plane = mri.PLANES[name];
      this.element.dataset.plane = name;
      ["left", "right", "top", "bottom"].forEach((edge, number) => {
        this.frame.querySelector(`.clams-mri-${edge}`).textContent = this.plane.edges[number];
      });
      this.frame.querySelector(".clams-mri-plane-name").textContent = name;
    }

    get slot() {
      return this.scene.state && this.scene.state.slots[this.slotName];
    }

    get index() {
      return this.scene.cursorOf(this.slotName)[this.plane.axis];
    }

    adopt() {
      return this.painter.adopt();
    }

    /** The size is read when it changes: asked for with every slice it would make the browser lay out the page. */
    measure() {
      const { clientWidth: width, clientHeight: height } = this.frame;
      this.size = { width, height };
    }

    resize() {
      this.measure();
      this.draw();
    }

    /** Draw the slice under the crosshair, fitted to the frame. */
    draw() {
      const { scene, slot, plane } = this;
      const volumes = scene.volumesOf(this.slotName);
      if (!volumes || !slot) return;
      const view = scene.viewOf(this);
      const { width, height } = this.size;
      if (!width || !height) return;
      this.placement = new mri.Placement(plane, scene.boxOf(this.slotName), width, height, view);
      const done = this.painter.draw({
        plane,
        name: this.name,
        placement: this.placement,
        index: this.index,
        slot,
        volumes,
        levels: scene.levelsOf(this.slotName),
        overlay: scene.overlay,
        overlayUrl: scene.overlayUrl(this.slotName),
        scrolling: scene.scrolling,
      });
      if (!done) return;
      this.drawn = volumes.image;
      this.describe();
      scene.announce();
    }

    /** Crosshair and position, and read-only facts for tests and tools. */
    describe() {
      if (!this.placement) return;
      const { dataset } = this.element;
      const { axis, horizontal, vertical } = this.plane;
      const point = this.scene.pointOf(this.slotName);
      this.position.textContent = `${mri.side(axis, point[axis])} mm`;
      const { x, y } = this.placement.toPixels(point);
      this.frame.style.setProperty("--clams-mri-x", `${x}px`);
      this.frame.style.setProperty("--clams-mri-y", `${y}px`);
      dataset.slice = String(this.index);
      dataset.positionMm = String(point[axis]);
      dataset.mmPerPixel = String(this.placement.mmPerPx);
      dataset.centerMm = `${this.placement.centre[horizontal]} ${this.placement.centre[vertical]}`;
    }

    /** The point under the mouse or finger, in this plane. */
    pointUnder(event) {
      const box = this.frame.getBoundingClientRect();
      return this.placement.toMm(event.clientX - box.left, event.clientY - box.top, this.scene.pointOf(this.slotName));
    }

    released() {
      this.observer.disconnect();
    }
  };
})();
