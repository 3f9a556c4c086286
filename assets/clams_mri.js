/*
 * The MRI viewer in the browser: one Scene for each element with [data-scene], three planes in each.
 *
 * Python lays out the elements (web/vtk_scene.py); this file fetches each volume once, hands it to the vtk.js mappers
 * of all three planes and draws on demand. World coordinates are RAS+ mm: x to the patient's right, y to anterior,
 * z to superior. Axial and coronal planes are shown in radiological convention, the sagittal one with anterior at left.
 */
(function () {
  "use strict";

  const PLANES = {
    axial: { axis: 2, right: [-1, 0, 0], up: [0, 1, 0], setSlice: "setKSlice", letters: "SI" },
    coronal: { axis: 1, right: [-1, 0, 0], up: [0, 0, 1], setSlice: "setJSlice", letters: "AP" },
    sagittal: { axis: 0, right: [0, -1, 0], up: [0, 0, 1], setSlice: "setISlice", letters: "RL" },
  };
  const MARGIN = 1.05;
  const WHEEL_STEP_PX = 40;
  const START_TIMEOUT_MS = 30000;
  const scenes = new WeakMap();

  /** A failure with words for the user. */
  class ViewerError extends Error {}

  // ---------------------------------------------------------------- dash-vtk

  /**
   * The dash-vtk view that drew a canvas. dash-vtk 0.0.9 offers no camera, no slice 0 and no teardown by props, so this
   * goes through React's own bookkeeping; it is the only place that does.
   */
  function dashVtkView(canvas) {
    const host = canvas.parentElement;
    const key = Object.keys(host).find((name) => name.startsWith("__reactFiber$"));
    const view = key && host[key].return && host[key].return.return && host[key].return.return.stateNode;
    const parts = ["renderer", "renderWindow", "openglRenderWindow", "camera", "interactor"];
    if (!view || parts.some((part) => !view[part]) || typeof view.onResize !== "function") {
      throw new ViewerError("The viewer does not fit the installed dash-vtk (0.0.9 expected).");
    }
    return view;
  }

  /**
   * The image and overlay of a view, or null until dash-vtk has made them. Renders that React threw away leave actors
   * behind; only those that were mounted carry the props of web/vtk_scene.py (not pickable; overlay below opacity 1).
   */
  function dashVtkActors(view) {
    const slices = view.renderer.getViewProps().filter((prop) => prop.isA("vtkImageSlice") && !prop.getPickable());
    const [image, overlay, ...more] = slices.sort((a, b) => opacity(b) - opacity(a));
    if (!overlay) return null;
    if (more.length || opacity(image) < 1 || opacity(overlay) >= 1) {
      throw new ViewerError("The viewer found other layers in dash-vtk than an image and an overlay.");
    }
    return { image, overlay };
  }

  function opacity(actor) {
    return actor.getProperty().getOpacity();
  }

  /** The reader dash-vtk connected to a layer, or null until it has. */
  function dashVtkReader(actor) {
    const connection = actor.getMapper().getInputConnection(0);
    if (!connection) return null;
    if (!connection.filter || typeof connection.filter.parseAsArrayBuffer !== "function") {
      throw new ViewerError("The viewer found no volume reader in dash-vtk (0.0.9 expected).");
    }
    return connection.filter;
  }

  /**
   * Take over what dash-vtk would do by itself: fit the bounding sphere (also 100 ms after mounting and on key R),
   * size the canvas without regard to pixel density, rotate by mouse. Its timers outlive it and would throw, and its
   * WebGL context would linger until garbage collection while browsers allow about 16.
   */
  function takeOver(view, canvas, { resize, released }) {
    const unmount = view.componentWillUnmount;
    const host = canvas.parentElement;
    view.onResize = resize;
    view.resetCamera = resize;
    view.interactor.unbindEvents();
    view.subscriptions.splice(0).forEach((subscription) => subscription.unsubscribe());
    view.componentWillUnmount = function () {
      const context = canvas.getContext("webgl2") || canvas.getContext("webgl");
      const loss = context && context.getExtension("WEBGL_lose_context");
      released();
      view.onResize = view.resetCamera = () => {};
      view.interactor.bindEvents(host);
      unmount.call(view);
      view.renderer = { get: () => ({ props: [] }), removeActor: () => {} };
      if (loss) loss.loseContext();
    };
  }

  let webGl = null;

  function hasWebGl() {
    if (webGl === null) {
      const canvas = document.createElement("canvas");
      const context = canvas.getContext("webgl2") || canvas.getContext("webgl");
      const loss = context && context.getExtension("WEBGL_lose_context");
      if (loss) loss.loseContext();
      webGl = Boolean(context);
    }
    return webGl;
  }

  // ------------------------------------------------------------------ volumes

  async function fetchVolume(url, what, signal) {
    let response;
    try {
      response = await fetch(url, { signal, credentials: "same-origin" });
      if (response.ok) return await response.arrayBuffer();
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ViewerError(`${what} could not be loaded: no answer from the server.`);
    }
    throw new ViewerError(`${what} could not be loaded: the server answered ${response.status}.`);
  }

  function parse(reader, buffer, what) {
    let image = null;
    try {
      if (reader.parseAsArrayBuffer(buffer)) image = reader.getOutputData(0);
    } catch (_) {
      // A damaged file makes the reader throw whatever comes first; the words below say what the user can know.
    }
    const scalars = image && image.getPointData().getScalars();
    if (!scalars || scalars.getNumberOfTuples() !== image.getNumberOfPoints()) {
      throw new ViewerError(`${what} could not be loaded: the file is damaged.`);
    }
    return image;
  }

  /** An image drawn on another grid than described would put every position wrong, so it is refused. */
  function checkGrid(image, state) {
    const near = (a, b) => Array.from(a).every((value, axis) => Math.abs(value - b[axis]) < 1e-3);
    const described =
      near(image.getDimensions(), state.shape) &&
      near(image.getSpacing(), state.spacing_mm) &&
      near(image.getOrigin(), state.origin_mm);
    if (!described) throw new ViewerError("The image could not be shown: its grid is not the one described.");
  }

  // ------------------------------------------------------------------- planes

  /** One plane of a scene: a canvas, its camera and its slice. */
  class Plane {
    constructor(scene, name, element) {
      Object.assign(this, PLANES[name], { scene, name, element });
      this.frame = element.querySelector(".clams-mri-frame");
      this.glass = element.querySelector(".clams-mri-glass");
      this.horizontal = this.right.findIndex((part) => part !== 0);
      this.vertical = this.up.findIndex((part) => part !== 0);
      this.index = 0;
      this.wheelPx = 0;
      this.bySlider = false;
      this.listen();
    }

    /** Take over canvas and layers as dash-vtk makes them; true when all are there. */
    adopt() {
      const canvas = this.frame.querySelector("canvas");
      if (!canvas) return false;
      if (canvas !== this.canvas) this.adoptCanvas(canvas);
      if (!this.image) Object.assign(this, dashVtkActors(this.view));
      if (!this.image || this.name !== "axial" || this.readers) return Boolean(this.image);
      const readers = { image: dashVtkReader(this.image), overlay: dashVtkReader(this.overlay) };
      if (readers.image && readers.overlay) this.readers = readers;
      return Boolean(this.readers);
    }

    adoptCanvas(canvas) {
      const view = dashVtkView(canvas);
      Object.assign(this, { canvas, view, image: null, overlay: null, readers: null, attached: null });
      const lost = () => this.scene.fail("The browser gave up drawing (graphics context lost). Reload the page.");
      canvas.addEventListener("webglcontextlost", lost);
      takeOver(view, canvas, {
        resize: () => this.resize(),
        released: () => {
          canvas.removeEventListener("webglcontextlost", lost);
          if (this.canvas === canvas) Object.assign(this, { canvas: null, view: null, image: null, attached: null });
          queueMicrotask(() => this.scene.left());
        },
      });
    }

    /** Show these volumes; voxels are drawn as cells around their centres. */
    attach({ image, overlay }) {
      this.attached = image;
      this.put(this.image, image, 0);
      this.overlayFirst = null;
      this.overlay.setVisibility(false);
      if (overlay) {
        this.put(this.overlay, overlay, 0.3);
        const { origin_mm: origin, spacing_mm: spacing } = this.scene.state;
        this.overlayFirst = Math.round((overlay.getOrigin()[this.axis] - origin[this.axis]) / spacing[this.axis]);
        this.overlayCount = overlay.getDimensions()[this.axis];
      }
      this.image.setVisibility(true);
    }

    /**
     * vtk.js stretches the n texels of a slice over the n - 1 steps between the outer voxel centres, half a voxel off
     * at the edges and differently for image and cropped overlay; scale each actor back to n steps. The overlay
     * floats `lift_mm` before the image.
     */
    put(actor, volume, lift_mm) {
      const [count, spacing, origin] = [volume.getDimensions(), volume.getSpacing(), volume.getOrigin()];
      const toViewer = this.towardsViewer();
      const scale = [1, 1, 1];
      const shift = [0, 0, 0];
      for (let axis = 0; axis < 3; axis++) {
        if (axis === this.axis) {
          shift[axis] = toViewer[axis] * lift_mm;
        } else {
          scale[axis] = count[axis] / (count[axis] - 1);
          shift[axis] = origin[axis] - spacing[axis] / 2 - scale[axis] * origin[axis];
        }
      }
      actor.getMapper().setInputData(volume);
      actor.setScale(...scale);
      actor.setPosition(...shift);
    }

    towardsViewer() {
      const [r, u] = [this.right, this.up];
      return [r[1] * u[2] - r[2] * u[1], r[2] * u[0] - r[0] * u[2], r[0] * u[1] - r[1] * u[0]];
    }

    /** Fit the brain's box into the frame, whatever the frame's shape. */
    resize() {
      const { clientWidth: width, clientHeight: height } = this.frame;
      if (!this.image || !width || !height) return;
      const density = window.devicePixelRatio || 1;
      this.view.openglRenderWindow.setSize(Math.round(width * density), Math.round(height * density));
      if (!this.scene.state) return;
      const [low, high] = this.scene.state.box_mm;
      const extent = (axis) => high[axis] - low[axis];
      this.mmPerPx = MARGIN * Math.max(extent(this.horizontal) / width, extent(this.vertical) / height);
      this.centre = low.map((value, axis) => (value + high[axis]) / 2);
      const { shape, spacing_mm: spacing, origin_mm: origin } = this.scene.state;
      const depth = shape[this.axis] * spacing[this.axis] + 10;
      const focus = this.centre.slice();
      focus[this.axis] = origin[this.axis] + (shape[this.axis] * spacing[this.axis]) / 2;
      const eye = this.towardsViewer().map((part, axis) => focus[axis] + part * depth);
      const { camera } = this.view;
      camera.setParallelProjection(true);
      camera.setFocalPoint(...focus);
      camera.setPosition(...eye);
      camera.setViewUp(...this.up);
      camera.setParallelScale((this.mmPerPx * height) / 2);
      camera.setClippingRange(1, 2 * depth);
      this.draw();
    }

    draw() {
      const { scene, view } = this;
      if (!this.image || !this.mmPerPx || this.attached !== (scene.volumes && scene.volumes.image)) return;
      this.image.getMapper()[this.setSlice](this.index);
      const inOverlay = this.overlayFirst === null ? -1 : this.index - this.overlayFirst;
      const covered = scene.overlayOn && inOverlay >= 0 && inOverlay < this.overlayCount;
      if (covered) this.overlay.getMapper()[this.setSlice](inOverlay);
      this.overlay.setVisibility(covered);
      const [black, white] = scene.window;
      this.image.getProperty().setColorWindow(white - black);
      this.image.getProperty().setColorLevel((white + black) / 2);
      view.renderWindow.render();
      this.drawn = this.attached;
      this.describe();
      scene.announce();
    }

    /** Crosshair, and read-only facts for tests and tools. */
    describe() {
      if (!this.mmPerPx) return;
      const { dataset } = this.element;
      const point = [0, 1, 2].map((axis) => this.scene.positionMm(axis));
      const { x, y } = this.toPixels(point);
      this.frame.style.setProperty("--clams-mri-x", `${x}px`);
      this.frame.style.setProperty("--clams-mri-y", `${y}px`);
      dataset.slice = String(this.index);
      dataset.positionMm = String(point[this.axis]);
      dataset.mmPerPixel = String(this.mmPerPx);
      dataset.centerMm = `${this.centre[this.horizontal]} ${this.centre[this.vertical]}`;
    }

    toPixels(mm) {
      const across = (mm[this.horizontal] - this.centre[this.horizontal]) * this.right[this.horizontal];
      const along = (mm[this.vertical] - this.centre[this.vertical]) * this.up[this.vertical];
      const { clientWidth: width, clientHeight: height } = this.frame;
      return { x: width / 2 + across / this.mmPerPx, y: height / 2 - along / this.mmPerPx };
    }

    /** The point under the mouse, in this plane. */
    toMm(event) {
      const box = this.frame.getBoundingClientRect();
      const mm = [0, 1, 2].map((axis) => this.scene.positionMm(axis));
      const across = (event.clientX - box.left - box.width / 2) * this.mmPerPx;
      const along = (box.top + box.height / 2 - event.clientY) * this.mmPerPx;
      mm[this.horizontal] = this.centre[this.horizontal] + across * this.right[this.horizontal];
      mm[this.vertical] = this.centre[this.vertical] + along * this.up[this.vertical];
      return mm;
    }

    setIndex(index) {
      const clipped = Math.min(Math.max(Math.round(index), 0), this.scene.state.shape[this.axis] - 1);
      if (clipped === this.index) return false;
      this.index = clipped;
      return true;
    }

    listen() {
      const { glass, scene } = this;
      for (const hand of ["pointerdown", "keydown"]) {
        this.element.addEventListener(hand, (event) => (this.bySlider = !glass.contains(event.target)), true);
      }
      glass.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      glass.addEventListener("contextmenu", (event) => event.preventDefault());
      glass.addEventListener("pointerdown", (event) => {
        if (!scene.shown() || (event.button !== 0 && event.button !== 2)) return;
        event.preventDefault();
        glass.setPointerCapture(event.pointerId);
        this.drag = { button: event.button, x: event.clientX, y: event.clientY, window: scene.window };
        if (event.button === 0) scene.moveTo(this.toMm(event), this);
        const thumb = this.element.querySelector("[role=slider]");
        if (thumb) thumb.focus({ preventScroll: true });
      });
      glass.addEventListener("mousedown", (event) => event.preventDefault());
      glass.addEventListener("pointermove", (event) => {
        if (!this.drag || !scene.shown()) return;
        if (this.drag.button === 0) scene.moveTo(this.toMm(event), this);
        else scene.dragWindow(this.drag, event);
      });
      const drop = () => {
        this.drag = null;
      };
      glass.addEventListener("pointerup", drop);
      glass.addEventListener("pointercancel", drop);
    }

    /** A notch of a mouse wheel is one slice; a touchpad's small steps add up to one. */
    wheel(event) {
      event.preventDefault();
      if (!this.scene.shown() || event.ctrlKey) return;
      this.bySlider = false;
      const px = event.deltaMode === 0 ? event.deltaY : event.deltaY * WHEEL_STEP_PX;
      this.wheelPx += Math.min(Math.max(px, -WHEEL_STEP_PX), WHEEL_STEP_PX);
      const steps = Math.trunc(this.wheelPx / WHEEL_STEP_PX);
      this.wheelPx -= steps * WHEEL_STEP_PX;
      if (steps && this.setIndex(this.index - steps)) this.scene.moved(this);
    }
  }

  // -------------------------------------------------------------------- scene

  /** Three planes through one point of one image. */
  class Scene {
    constructor(root) {
      this.root = root;
      this.overlayOn = true;
      this.planes = Object.keys(PLANES).map(
        (name) => new Plane(this, name, root.querySelector(`[data-plane="${name}"]`)),
      );
      this.started = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
      this.started.catch(() => {});
      this.observer = new MutationObserver(() => this.changed());
      this.observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-image"] });
      this.changed();
    }

    /** Called before the browser paints a change: no image stays under another image's caption. */
    changed() {
      if (this.state && this.root.dataset.image !== this.state.url) this.setPhase("loading");
      if (this.unfit) return;
      try {
        if (!this.planes.map((plane) => plane.adopt()).every(Boolean)) return;
        this.resolve();
        if (this.shown() && this.planes.some((plane) => !plane.attached)) this.present();
      } catch (error) {
        console.error(error);
        this.unfit = true;
        this.reject(error);
      }
    }

    setPhase(phase) {
      this.root.dataset.phase = phase;
      if (phase !== "shown") this.planes.forEach((plane) => (plane.element.dataset.ready = "false"));
    }

    shown() {
      return this.root.dataset.phase === "shown";
    }

    /** Load and draw; the promise is what to tell the user, "" when all is well, null when overtaken. */
    async show(state) {
      const known = this.state && this.state.url === state.url && this.state.overlay_url === state.overlay_url;
      this.state = state;
      this.window = state.window;
      this.planes.forEach((plane) => {
        plane.index = plane.reported = state.start[plane.axis];
        plane.bySlider = false;
      });
      if (known && this.volumes && this.root.dataset.phase !== "failed") return this.present();
      this.setPhase("loading");
      this.volumes = null;
      if (this.loading) this.loading.abort();
      this.loading = new AbortController();
      const { signal } = this.loading;
      try {
        this.volumes = await this.load(state, signal);
        if (!signal.aborted) return this.present();
      } catch (error) {
        if (!signal.aborted) return this.failed(error);
      }
      return null;
    }

    async load(state, signal) {
      if (!hasWebGl()) {
        throw new ViewerError("This browser has no WebGL, which the viewer needs: use another browser or switch it on.");
      }
      const image = fetchVolume(state.url, "The image", signal);
      const overlay = state.overlay_url
        ? fetchVolume(state.overlay_url, "The lesion overlay", signal).catch((error) => ({ error }))
        : Promise.resolve(null);
      const started = within(START_TIMEOUT_MS, this.started, "The viewer could not start. Reload the page.");
      const [imageBytes, overlayBytes] = await Promise.all([image, overlay, started]);
      const { readers } = this.planes.find((plane) => plane.readers);
      const volumes = { image: parse(readers.image, imageBytes, "The image"), overlay: null, overlayError: null };
      checkGrid(volumes.image, state);
      try {
        if (overlayBytes && overlayBytes.error) throw overlayBytes.error;
        if (overlayBytes) volumes.overlay = parse(readers.overlay, overlayBytes, "The lesion overlay");
      } catch (error) {
        volumes.overlayError = messageOf(error);
      }
      return volumes;
    }

    /** Draw what is loaded in all planes. */
    present() {
      const { volumes } = this;
      this.planes.forEach((plane) => {
        if (plane.attached !== volumes.image) plane.attach(volumes);
        plane.resize();
      });
      this.setPhase("shown");
      this.announce();
      return volumes.overlayError || "";
    }

    /** Say that all is drawn; a panel that is hidden while it loads is drawn once it has a size. */
    announce() {
      const { volumes } = this;
      const drawn = this.planes.every((plane) => volumes && plane.drawn === volumes.image);
      if (!this.shown() || !drawn || volumes.overlayError) return;
      if (this.planes.every((plane) => plane.element.dataset.ready === "true")) return;
      requestAnimationFrame(() => {
        if (!this.shown() || this.volumes !== volumes) return;
        this.planes.forEach((plane) => (plane.element.dataset.ready = "true"));
      });
    }

    failed(error) {
      if (!(error instanceof ViewerError)) console.error(error);
      this.setPhase("failed");
      return messageOf(error);
    }

    /** A failure after loading. */
    fail(message) {
      this.setPhase("failed");
      window.dash_clientside.set_props(this.state.ids.message, { children: message });
    }

    /** The page may have taken the whole scene away. */
    left() {
      if (this.loading && !this.root.isConnected) this.loading.abort();
    }

    positionMm(axis) {
      const plane = this.planes.find((each) => each.axis === axis);
      return this.state.origin_mm[axis] + plane.index * this.state.spacing_mm[axis];
    }

    /** Take all planes, or all but one, to a point. */
    moveTo(mm, except = null) {
      const { origin_mm: origin, spacing_mm: spacing } = this.state;
      const others = this.planes.filter((plane) => plane !== except);
      others.forEach((plane) => (plane.bySlider = false));
      const moved = others.filter((plane) => plane.setIndex((mm[plane.axis] - origin[plane.axis]) / spacing[plane.axis]));
      if (moved.length) this.moved(...moved);
    }

    /** Draw the planes that moved and the crosshair of the others. */
    moved(...planes) {
      if (this.shown()) this.planes.forEach((plane) => (planes.includes(plane) ? plane.draw() : plane.describe()));
      this.report();
    }

    /** Tell the sliders where things are, once a frame. */
    report() {
      if (this.reporting) return;
      this.reporting = requestAnimationFrame(() => {
        this.reporting = null;
        if (!this.root.isConnected) return;
        this.planes.forEach((plane) => {
          if (plane.reported === plane.index) return;
          plane.reported = plane.index;
          window.dash_clientside.set_props(this.state.ids.sliders[plane.name], { value: plane.index });
        });
        if (this.dragged) window.dash_clientside.set_props(this.state.ids.window, { value: this.dragged });
        this.dragged = null;
      });
    }

    /**
     * A slider's new value, when a hand is on that slider. Dash also calls back for what report() told the slider,
     * late and more than once; taken for the user's, that would turn the wheel back.
     */
    slide(name, index) {
      const plane = this.planes.find((each) => each.name === name);
      if (!plane.bySlider) return;
      plane.reported = index;
      if (plane.setIndex(index)) this.moved(plane);
    }

    look(levels, overlayOn) {
      this.window = levels;
      this.overlayOn = overlayOn;
      if (this.shown()) this.planes.forEach((plane) => plane.draw());
    }

    /** Right-drag: across for contrast, up and down for brightness. */
    dragWindow(drag, event) {
      const [black, white] = drag.window;
      const half = Math.max((white - black) / 2 + (event.clientX - drag.x) / 2, 2);
      const level = (white + black) / 2 + (event.clientY - drag.y) / 2;
      const levels = [Math.max(Math.round(level - half), 0), Math.min(Math.round(level + half), 255)];
      if (levels[1] - levels[0] < 4) return;
      this.look(levels, this.overlayOn);
      this.dragged = levels;
      this.report();
    }
  }

  function messageOf(error) {
    return error instanceof ViewerError ? error.message : "The image could not be shown: the viewer failed.";
  }

  function within(milliseconds, promise, message) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new ViewerError(message)), milliseconds);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  function sceneOf(state) {
    const root = document.querySelector(`[data-scene="${CSS.escape(state.scene)}"]`);
    if (!root) return null;
    if (!scenes.has(root)) scenes.set(root, new Scene(root));
    return scenes.get(root);
  }

  /** The scene, when it shows what the callback is about. */
  function sceneShowing(state) {
    const scene = sceneOf(state);
    const same = scene && scene.state && scene.state.url === state.url && scene.state.overlay_url === state.overlay_url;
    return same ? scene : null;
  }

  // ------------------------------------------------------- clientside callbacks

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    clams_mri: {
      async show(state, target) {
        const { callback_context: context, no_update: unchanged } = window.dash_clientside;
        const showing = sceneShowing(state);
        if (showing && target && context.triggered.every(({ prop_id }) => prop_id.includes(state.ids.target.part))) {
          showing.moveTo(target);
          return unchanged;
        }
        const scene = sceneOf(state);
        const message = scene ? await scene.show(state) : null;
        return message === null ? unchanged : message;
      },

      slide(index, state) {
        const { plane } = window.dash_clientside.callback_context.outputs_list.id;
        const scene = sceneShowing(state);
        if (scene) scene.slide(plane, index);
        const { axis, letters } = PLANES[plane];
        const mm = state.origin_mm[axis] + index * state.spacing_mm[axis];
        return `${letters[mm < 0 ? 1 : 0]} ${Math.abs(mm).toFixed(1)} mm`;
      },

      look(levels, overlayOn, state) {
        const scene = sceneShowing(state);
        if (scene) scene.look(levels, overlayOn);
        return levels.map((level) => Math.round((level / 255) * 100)).join("–") + " %";
      },

      reset_window(_clicks, state) {
        return state.window;
      },
    },
  });
})();
