/*
 * The view in three dimensions: the brain's surface, translucent, with the lesions coloured by their change. The meshes
 * lie in the same RAS+ millimetres as the slices; R, L, A, P, S and I are printed where they are.
 */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});
  const TURN_DEG_PER_PX = 0.4;
  const WHEEL_ZOOM = 1.1;
  const AWAY = 1.08;
  const FRAME_SHARE = 1.12;
  // Direction from the middle of the head to the eye, and what is up; as a reader knows the faces of a head.
  const FACES = {
    R: { eye: [1, 0, 0], up: [0, 0, 1] },
    L: { eye: [-1, 0, 0], up: [0, 0, 1] },
    A: { eye: [0, 1, 0], up: [0, 0, 1] },
    P: { eye: [0, -1, 0], up: [0, 0, 1] },
    S: { eye: [0, 0, 1], up: [0, 1, 0] },
    I: { eye: [0, 0, -1], up: [0, 1, 0] },
    opening: { eye: [0.75, 0.85, 0.45], up: [0, 0, 1] },
  };

  mri.Solid = class Solid {
    constructor(scene, element) {
      Object.assign(this, { scene, element, canvas: null, surfaces: null });
      this.glass = element.querySelector(".clams-mri-glass");
      this.labels = [...element.querySelectorAll("[data-towards]")];
      this.ring = element.querySelector(".clams-mri-ring");
      new ResizeObserver(() => this.render()).observe(element);
      this.listen();
    }

    /** Take over the canvas when dash-vtk has made it, and load the meshes. */
    adopt() {
      const canvas = this.element.querySelector("canvas");
      if (!canvas || !this.scene.shown() || canvas === this.canvas) return;
      const view = mri.dashVtk.viewOf(canvas);
      const surfaces = mri.dashVtk.surfacesOf(view);
      const meshes = this.scene.state.meshes;
      if (surfaces.length < meshes.length) return;
      const readers = surfaces.map((actor) => mri.dashVtk.readerOf(actor));
      if (!readers.every(Boolean)) return;
      Object.assign(this, { canvas, view, surfaces });
      mri.dashVtk.takeOver(view, canvas, {
        resize: () => this.render(),
        released: () => (this.view = null),
      });
      this.load(meshes, readers);
    }

    async load(meshes, readers) {
      const { volumes, loading } = this.scene;
      try {
        const loads = meshes.map(({ url }, number) =>
          volumes.load(url, "The surface", loading.signal, async () => readers[number]),
        );
        const loaded = await Promise.all(loads);
        if (!this.view) return;
        loaded.forEach((mesh, number) => {
          this.surfaces[number].getMapper().setInputData(mesh);
          this.surfaces[number].setVisibility(true);
        });
        this.bounds = loaded.map((mesh) => mesh.getBounds());
        this.face("opening");
        this.element.dataset.ready = "true";
      } catch (error) {
        if (!loading.signal.aborted) this.scene.say(mri.messageOf(error));
      }
    }

    middle() {
      const [low, high] = this.scene.state.slots.current.box_mm;
      return low.map((value, axis) => (value + high[axis]) / 2);
    }

    half() {
      const [low, high] = this.scene.state.slots.current.box_mm;
      return low.map((value, axis) => (high[axis] - value) / 2);
    }

    /** Look from one side of the head. */
    face(name) {
      if (!this.view || !FACES[name]) return;
      const { eye, up } = FACES[name];
      const length = Math.hypot(...eye);
      const middle = this.middle();
      const far = 4 * Math.max(...this.half());
      const { camera } = this.view;
      camera.setParallelProjection(true);
      camera.setFocalPoint(...middle);
      camera.setPosition(...middle.map((value, axis) => value + (eye[axis] / length) * far));
      camera.setViewUp(...up);
      camera.orthogonalizeViewUp();
      this.zoomed = 1;
      this.element.dataset.face = name;
      this.render();
    }

    render() {
      const { clientWidth: width, clientHeight: height } = this.element;
      if (!this.view || !this.bounds || !width || !height) return;
      const density = window.devicePixelRatio || 1;
      this.view.openglRenderWindow.setSize(Math.round(width * density), Math.round(height * density));
      const { camera, renderer, renderWindow } = this.view;
      const widest = Math.max(...this.half()) * FRAME_SHARE;
      camera.setParallelScale((widest * Math.max(1, height / width)) / this.zoomed);
      renderer.resetCameraClippingRange();
      renderWindow.render();
      this.label(width, height);
      this.mark();
    }

    /** Where a point of the world lies in the frame, and how far it is towards the eye. */
    project(mm) {
      const { clientWidth: width, clientHeight: height } = this.element;
      const { camera } = this.view;
      const back = camera.getViewPlaneNormal();
      const up = camera.getViewUp();
      const right = [up[1] * back[2] - up[2] * back[1], up[2] * back[0] - up[0] * back[2], up[0] * back[1] - up[1] * back[0]];
      const away = mm.map((value, axis) => value - camera.getFocalPoint()[axis]);
      const along = (direction) => direction.reduce((sum, part, axis) => sum + part * away[axis], 0);
      const pxPerMm = height / (2 * camera.getParallelScale());
      return { x: width / 2 + along(right) * pxPerMm, y: height / 2 - along(up) * pxPerMm, near: along(back) };
    }

    /** R, L, A, P, S and I stand outside the head on their side; those behind it are dimmed. */
    label() {
      const middle = this.middle();
      const half = this.half();
      for (const label of this.labels) {
        const { eye } = FACES[label.dataset.towards];
        const { x, y, near } = this.project(middle.map((value, axis) => value + eye[axis] * half[axis] * AWAY));
        label.style.transform = `translate(-50%, -50%) translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
        label.classList.toggle("is-behind", near < -0.5 * Math.max(...half));
      }
    }

    /** A ring around the point of the crosshair. */
    mark() {
      if (!this.view || !this.bounds) return;
      const { x, y } = this.project(this.scene.pointOf("current"));
      this.ring.style.transform = `translate(-50%, -50%) translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    }

    listen() {
      let last = null;
      const { glass } = this;
      glass.addEventListener("pointerdown", (event) => {
        if (!this.bounds) return;
        glass.setPointerCapture(event.pointerId);
        last = { x: event.clientX, y: event.clientY };
      });
      glass.addEventListener("pointermove", (event) => {
        if (!last || !this.view) return;
        const { camera } = this.view;
        camera.azimuth((last.x - event.clientX) * TURN_DEG_PER_PX);
        camera.elevation((event.clientY - last.y) * TURN_DEG_PER_PX);
        camera.orthogonalizeViewUp();
        last = { x: event.clientX, y: event.clientY };
        this.element.dataset.face = "turned";
        this.render();
      });
      const drop = () => (last = null);
      glass.addEventListener("pointerup", drop);
      glass.addEventListener("pointercancel", drop);
      glass.addEventListener("dblclick", () => this.face("opening"));
      glass.addEventListener("wheel", (event) => {
        event.preventDefault();
        this.zoomed = Math.min(Math.max(this.zoomed * (event.deltaY < 0 ? WHEEL_ZOOM : 1 / WHEEL_ZOOM), 0.5), 8);
        this.render();
      }, { passive: false });
    }
  };
})();
