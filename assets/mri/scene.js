/*
 * A scene: one study, or a prior and a current one, in panes that move in step.
 *
 * Python lays out the elements (web/vtk_scene.py) and says what there is to show; this loads it and keeps the one
 * point all panes go through, the window, the zoom and the chosen lesion.
 */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});
  const START_TIMEOUT_MS = 30000;
  const NARROWEST_WINDOW = 4;
  const SCROLLING_MS = 160;
  const scenes = new Map();

  mri.Scene = class Scene {
    /** `before` is the scene that stood in its place: what it had loaded, and where the reader was, go on. */
    constructor(root, before = null) {
      this.root = root;
      this.panes = [];
      this.solid = null;
      this.before = before;
      this.volumes = before ? before.volumes : new mri.Volumes();
      this.overlay = { on: true, opacity: 1, style: "rim" };
      this.views = {};
      this.shownSlots = {};
      this.awaitReaders();
      for (const hand of ["pointerdown", "keydown"]) {
        root.addEventListener(hand, ({ target }) => (this.bySlider = sliderUnder(target)), true);
      }
      this.observer = new MutationObserver(() => this.changed());
      const attributeFilter = ["data-key"];
      this.observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter });
      this.changed();
    }

    // ------------------------------------------------------------ life of the page

    awaitReaders() {
      this.arrived = false;
      this.arrival = new Promise((resolve, reject) => Object.assign(this, { haveReaders: resolve, haveNone: reject }));
      this.arrival.catch(() => {});
    }

    /** The readers of the page as it is now; dash-vtk makes them late, and others with every change of the page. */
    async readers() {
      for (;;) {
        if (this.unfit) throw this.unfit;
        const pane = this.panes.find(({ painter }) => painter.readers);
        if (pane) return pane.painter.readers;
        if (this.arrived) this.awaitReaders();
        await this.arrival;
      }
    }

    /** Called before the browser paints a change: no image stays under another image's caption. */
    changed() {
      if (this.state && this.root.dataset.key !== this.state.key) this.setPhase("loading");
      if (this.unfit) return;
      try {
        this.collect();
        if (!this.panes.map((pane) => pane.adopt()).every(Boolean)) return;
        if (this.panes.some((pane) => pane.painter.readers)) {
          this.arrived = true;
          this.haveReaders();
        }
        if (this.shown() && this.panes.some((pane) => pane.drawn !== this.imageOf(pane.slotName))) this.present();
        if (this.solid) this.solid.adopt();
      } catch (error) {
        console.error(error);
        this.unfit = error;
        this.haveNone(error);
        if (this.shown()) this.fail(mri.messageOf(error));
      }
    }

    /** The panes of the page as it is now; React may have put others in their place. */
    collect() {
      const elements = [...this.root.querySelectorAll("[data-slot]")];
      this.panes.filter((pane) => !elements.includes(pane.element)).forEach((pane) => pane.released());
      this.panes = elements.map((element) => {
        const known = this.panes.find((pane) => pane.element === element);
        if (known && known.slotName === element.dataset.slot) return known;
        if (known) known.released();
        return new mri.Pane(this, element);
      });
      const stage = this.root.querySelector("[data-solid]");
      if (!stage) this.solid = null;
      else if (!this.solid || this.solid.element !== stage) this.solid = new mri.Solid(this, stage);
    }

    setPhase(phase) {
      this.root.dataset.phase = phase;
      if (phase !== "shown") this.panes.forEach((pane) => (pane.element.dataset.ready = "false"));
    }

    shown() {
      return this.root.dataset.phase === "shown";
    }

    /** The page may have taken the whole scene away. */
    left() {
      if (this.loading && !this.root.isConnected) this.loading.abort();
    }

    // -------------------------------------------------------------------- loading

    /** Load and draw; the promise is what to tell the user, "" when all is well, null when overtaken. */
    async show(state) {
      const known = this.state && this.state.key === state.key;
      const last = this.state ? this : this.before;
      this.before = null;
      const same = Boolean(last && last.state && state.place && last.state.place === state.place);
      const before = same ? { point: last.pointOf("current"), chosen: last.chosen, views: last.views } : null;
      this.state = state;
      this.levels = state.slots.current.window;
      this.overlayKind = state.overlay_kind;
      this.views = before ? before.views : {};
      this.place(before ? before.point : state.start_mm);
      if (!before) this.cursors.current.splice(0, 3, ...state.start);
      this.chosen = before ? before.chosen : null;
      this.bySlider = null;
      if (known && this.imageOf("current") && this.root.dataset.phase !== "failed") return this.present();
      this.setPhase("loading");
      this.shownSlots = {};
      if (this.loading) this.loading.abort();
      this.loading = new AbortController();
      const { signal } = this.loading;
      try {
        const loaded = await this.load(state, signal);
        if (signal.aborted) return null;
        this.shownSlots = loaded;
        return this.present();
      } catch (error) {
        if (!signal.aborted) return this.failed(error);
      }
      return null;
    }

    async load(state, signal) {
      const names = Object.keys(state.slots);
      const loaded = await Promise.all(names.map((name) => this.loadSlot(state, state.slots[name], signal)));
      return Object.fromEntries(names.map((name, number) => [name, loaded[number]]));
    }

    async loadSlot(state, slot, signal) {
      if (!mri.hasWebGl()) return { image: slot.url, overlay: null };
      const overlayUrl = slot.overlays[state.overlay_kind];
      const overlay = overlayUrl ? this.loadOverlay(overlayUrl, signal) : null;
      const image = await this.volumes.load(slot.url, "The image", signal, () => this.readerOf("image"));
      mri.checkGrid(image, slot);
      return { image, ...(await overlay) };
    }

    async readerOf(layer) {
      const late = "The viewer could not start. Reload the page.";
      return (await within(START_TIMEOUT_MS, this.readers(), late))[layer];
    }

    /** An overlay that cannot be had leaves the image, and says so. */
    async loadOverlay(url, signal) {
      try {
        const reader = () => this.readerOf("overlay");
        return { overlay: await this.volumes.load(url, "The lesion overlay", signal, reader) };
      } catch (error) {
        if (signal.aborted) throw error;
        return { overlay: null, overlayError: mri.messageOf(error) };
      }
    }

    /** Draw what is loaded in all panes. */
    present() {
      this.setPhase("shown");
      this.panes.forEach((pane) => pane.resize());
      const turned = this.panes.find(({ element, name }) => element.dataset.follows && name !== "axial");
      this.fitSlider(turned);
      this.announce();
      this.report();
      return this.overlayFault() || "";
    }

    overlayFault() {
      const faults = Object.values(this.shownSlots).map((volumes) => volumes.overlayError);
      return faults.find(Boolean);
    }

    /** Say that all is drawn; a panel that is hidden while it loads is drawn once it has a size. */
    announce() {
      if (!this.shown() || this.overlayFault() || this.announcing) return;
      const drawn = () => this.panes.every((pane) => pane.drawn && pane.drawn === this.imageOf(pane.slotName));
      if (!drawn() || this.panes.every((pane) => pane.element.dataset.ready === "true")) return;
      this.announcing = requestAnimationFrame(() => {
        this.announcing = null;
        if (!this.shown() || !drawn()) return;
        this.panes.forEach((pane) => (pane.element.dataset.ready = "true"));
        if (!this.chosen && this.state.opens_on) this.choose(this.state.opens_on);
      });
    }

    failed(error) {
      if (!(error instanceof mri.ViewerError)) console.error(error);
      this.setPhase("failed");
      return mri.messageOf(error);
    }

    /** A failure after loading. */
    fail(message) {
      this.setPhase("failed");
      this.say(message);
    }

    say(message) {
      window.dash_clientside.set_props(this.state.ids.message, { children: message });
    }

    // ------------------------------------------------------------ what is shown where

    volumesOf(slot) {
      return this.shown() ? this.shownSlots[slot] : null;
    }

    imageOf(slot) {
      return this.shownSlots[slot] && this.shownSlots[slot].image;
    }

    overlayUrl(slot) {
      return this.state.slots[slot].overlays[this.overlayKind];
    }

    /** The box every pane is scaled to: one for both studies when they move in step, so that sizes compare. */
    boxOf(slot) {
      return this.state.linked ? this.state.slots.current.box_mm : this.state.slots[slot].box_mm;
    }

    /** Zoom and middle of a pane: the same for prior and current when they move in step. */
    viewOf(pane) {
      return this.views[this.viewKey(pane)] || { zoom: 1, centre: null };
    }

    viewKey({ name, slotName }) {
      return this.state.linked ? name : `${slotName} ${name}`;
    }

    /** Window of a study: prior and current are moved by the same share of their own opening windows. */
    levelsOf(slot) {
      const [low, high] = this.state.slots.current.window;
      const [own_low, own_high] = this.state.slots[slot].window;
      const scale = (own_high - own_low) / (high - low);
      return this.levels.map((level) => own_low + (level - low) * scale);
    }

    // ----------------------------------------------------------------- the one point

    /** Voxel indices of the point; studies that move in step share them. */
    place(mm) {
      const own = (slot) => slot.origin_mm.map((_, axis) => indexAt(slot, axis, mm[axis]));
      const { slots, linked } = this.state;
      const current = own(slots.current);
      this.cursors = { current };
      if (slots.prior) this.cursors.prior = linked ? current : own(slots.prior);
    }

    cursorOf(slot) {
      return this.cursors[slot];
    }

    pointOf(slot) {
      const { origin_mm: origin, spacing_mm: spacing } = this.state.slots[slot];
      return this.cursors[slot].map((index, axis) => origin[axis] + index * spacing[axis]);
    }

    setIndex(slot, axis, index) {
      const clipped = Math.min(Math.max(Math.round(index), 0), this.state.slots[slot].shape[axis] - 1);
      if (clipped === this.cursors[slot][axis]) return false;
      this.cursors[slot][axis] = clipped;
      return true;
    }

    /** Move `steps` slices in a pane's plane; a study that moves in step goes with it. */
    step(pane, steps) {
      if (!pane || !this.setIndex(pane.slotName, pane.plane.axis, pane.index + steps)) return;
      const now = performance.now();
      this.scrolling = now - (this.lastStep || 0) < SCROLLING_MS;
      this.lastStep = now;
      this.moved(pane.slotName, pane.plane.axis);
      if (this.scrolling) this.settle();
    }

    /** Once the reader has stopped scrolling, the slices are drawn in full. */
    settle() {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => {
        this.scrolling = false;
        if (this.shown()) this.panes.forEach((pane) => pane.draw());
      }, SCROLLING_MS);
    }

    /** Take the crosshair to a point; the plane of `within`, where the hand is, stays. */
    moveTo(mm, within = null) {
      const slot = within ? within.slotName : "current";
      this.bySlider = null;
      const grid = this.state.slots[slot];
      const axes = [0, 1, 2].filter((axis) => !within || axis !== within.plane.axis);
      const moved = axes.filter((axis) => this.setIndex(slot, axis, indexAt(grid, axis, mm[axis])));
      if (moved.length) this.moved(slot, ...moved);
    }

    /** Draw the panes whose slice moved, and the crosshair of the others that go through the same point. */
    moved(slot, ...axes) {
      if (this.shown()) {
        this.panes
          .filter((pane) => this.cursors[pane.slotName] === this.cursors[slot])
          .forEach((pane) => (axes.includes(pane.plane.axis) ? pane.draw() : pane.describe()));
        if (this.solid) this.solid.mark();
      }
      this.report();
    }

    /** Tell sliders and readout where things are, once a frame. */
    report() {
      if (this.reporting) return;
      this.reporting = requestAnimationFrame(() => {
        this.reporting = null;
        if (!this.root.isConnected || !this.state) return;
        this.panes.forEach((pane) => this.tellSlider(pane));
        this.readOut();
        if (this.dragged) window.dash_clientside.set_props(this.state.ids.window, { value: this.dragged });
        this.dragged = null;
      });
    }

    tellSlider(pane) {
      const id = this.state.ids.sliders[pane.element.dataset.slider];
      if (!id || pane.reported === pane.index) return;
      pane.reported = pane.index;
      window.dash_clientside.set_props(id, { value: pane.index });
    }

    readOut() {
      const point = this.pointOf("current");
      const text = `${point.map((mm, axis) => mri.side(axis, mm)).join(" · ")} mm`;
      this.root.querySelectorAll(".clams-mri-point").forEach((each) => (each.textContent = text));
    }

    /**
     * A slider's new value, when a hand is on that slider. Dash also calls back for what report() told the slider,
     * late and more than once; taken for the user's, that would turn the wheel back.
     */
    slide(name, index) {
      const pane = this.panes.find((each) => each.element.dataset.slider === name);
      if (!pane || this.bySlider !== name) return;
      pane.reported = index;
      if (this.setIndex(pane.slotName, pane.plane.axis, index)) this.moved(pane.slotName, pane.plane.axis);
    }

    // -------------------------------------------------------- window, overlay, zoom

    look(levels, overlay) {
      this.levels = levels;
      Object.assign(this.overlay, overlay);
      if (this.shown()) this.panes.forEach((pane) => pane.draw());
    }

    /** Another overlay of the same studies; it is loaded when it is first asked for. */
    async chooseOverlay(kind) {
      if (kind === this.overlayKind || !this.shown()) return;
      this.overlayKind = kind;
      const { signal } = this.loading;
      for (const [name, volumes] of Object.entries(this.shownSlots)) {
        const url = this.state.slots[name].overlays[kind];
        const got = url && mri.hasWebGl() ? await this.loadOverlay(url, signal) : { overlay: null };
        if (this.overlayKind !== kind || signal.aborted) return;
        Object.assign(volumes, { overlayError: null }, got);
      }
      this.say(this.overlayFault() || "");
      this.panes.forEach((pane) => pane.draw());
    }

    /** Across for contrast, up and down for brightness. */
    dragWindow([black, white], right, down) {
      const half = Math.max((white - black) / 2 + right / 2, 2);
      const level = (white + black) / 2 + down / 2;
      const levels = [Math.max(Math.round(level - half), 0), Math.min(Math.round(level + half), 255)];
      if (levels[1] - levels[0] < NARROWEST_WINDOW) return;
      this.look(levels, {});
      this.dragged = levels;
      this.report();
    }

    setView(pane, view) {
      this.views[this.viewKey(pane)] = view;
      this.panes.filter((each) => this.viewKey(each) === this.viewKey(pane)).forEach((each) => each.draw());
    }

    /** `event` names the pixel that stays where it is; without it the crosshair does. */
    zoom(pane, factor, event = null) {
      if (!pane || !pane.placement) return;
      const { zoom } = this.viewOf(pane);
      const next = Math.min(Math.max(zoom * factor, 1), 16);
      const fixed = event ? pane.pointUnder(event) : this.pointOf(pane.slotName);
      const share = zoom / next;
      const centre = pane.placement.centre.map((value, axis) => fixed[axis] + (value - fixed[axis]) * share);
      this.setView(pane, next === 1 ? { zoom: 1, centre: null } : { zoom: next, centre });
    }

    pan(pane, from, right, down) {
      if (!pane.placement) return;
      const { plane, mmPerPx } = pane.placement;
      const centre = (from.centre || new mri.Placement(plane, this.boxOf(pane.slotName), 1, 1, from).centre).slice();
      centre[plane.horizontal] -= right * mmPerPx * plane.right[plane.horizontal];
      centre[plane.vertical] += down * mmPerPx * plane.up[plane.vertical];
      this.setView(pane, { zoom: this.viewOf(pane).zoom, centre });
    }

    pinch(pane, from, share, right, down) {
      this.setView(pane, { ...from, zoom: Math.min(Math.max(from.zoom * share, 1), 16) });
      this.pan(pane, from, right, down);
    }

    resetView(pane) {
      if (pane) this.setView(pane, { zoom: 1, centre: null });
    }

    activePane() {
      return this.panes.includes(this.active) ? this.active : this.panes.find((pane) => pane.slotName === "current");
    }

    /** Panes that follow the choice of a plane show another one. */
    setPlane(name) {
      this.collect();
      const following = this.panes.filter((pane) => pane.element.dataset.follows === "true" && pane.name !== name);
      following.forEach((pane) => Object.assign(pane, { name, drawn: null, reported: null }));
      this.fitSlider(following[0]);
      if (this.shown()) following.forEach((pane) => pane.draw());
      this.report();
    }

    /** The slider of the panes that follow has as many steps as their plane has slices. */
    fitSlider(pane) {
      if (!pane || !this.state) return;
      const max = pane.slot.shape[pane.plane.axis] - 1;
      const thumbLabel = `${pane.name} slice`;
      window.dash_clientside.set_props(this.state.ids.sliders[pane.element.dataset.slider], { max, thumbLabel });
    }

    choosePlane(name) {
      if (this.panes.some((pane) => pane.element.dataset.follows === "true")) {
        window.dash_clientside.set_props(this.state.ids.plane, { value: name });
      }
    }

    // ------------------------------------------------------------------------ lesions

    /** Go to a lesion of the list. */
    choose(key) {
      const target = this.state.targets[key];
      if (!target) return;
      this.chosen = key;
      this.moveTo(target.mm);
      mri.markLesion(this, key);
      window.dash_clientside.set_props(this.state.ids.chosen, { data: key });
    }

    /** The next (1) or previous (-1) new or changed lesion. */
    tour(step) {
      const { tour } = this.state;
      if (!tour.length) return;
      const now = tour.indexOf(this.chosen);
      const from = now < 0 && step < 0 ? 0 : now;
      this.choose(tour[(from + step + tour.length) % tour.length]);
    }

    /** What the buttons of a panel do. */
    press(does, detail) {
      const { set_props: set } = window.dash_clientside;
      const panel = this.root.closest("[data-mri-for]");
      const deeds = {
        lesion: () => this.choose(detail),
        next: () => this.tour(1),
        previous: () => this.tour(-1),
        overlay: () => set(this.state.ids.overlay, { checked: !this.overlay.on }),
        larger: () => panel && panel.classList.toggle("is-large"),
        list: () => panel && panel.classList.toggle("is-listing"),
        face: () => this.solid && this.solid.face(detail),
      };
      if (deeds[does]) deeds[does]();
    }
  };

  /** The slider a hand is on, by its name. */
  function sliderUnder(target) {
    const holder = target.closest("[data-slides]");
    return holder ? holder.dataset.slides : null;
  }

  function indexAt({ origin_mm: origin, spacing_mm: spacing, shape }, axis, mm) {
    return Math.min(Math.max(Math.round((mm - origin[axis]) / spacing[axis]), 0), shape[axis] - 1);
  }

  function within(milliseconds, promise, message) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new mri.ViewerError(message)), milliseconds);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  /** The scene of that name on the page, made when it is first asked for. */
  mri.sceneNamed = function (name) {
    const root = document.querySelector(`[data-scene="${CSS.escape(name)}"]`);
    if (!root) return null;
    const known = scenes.get(name);
    if (known && known.root === root) return known;
    if (known) known.observer.disconnect();
    scenes.set(name, new mri.Scene(root, known));
    return scenes.get(name);
  };

  /** The scene that keys go to: the one last touched, else the first on the page. */
  mri.activeScene = function () {
    const here = [...scenes.values()].filter((scene) => scene.root.isConnected && scene.state);
    return here.find((scene) => scene.panes.includes(scene.active)) || here[0] || null;
  };
})();
