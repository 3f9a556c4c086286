/*
 * Mouse, wheel, fingers and keys.
 *
 *   wheel / one finger up and down / arrow keys on a slider   slices
 *   click or drag / tap                                       crosshair
 *   right drag                                                window
 *   shift drag, middle drag / two fingers                     pan
 *   ctrl wheel / pinch / + and -                              zoom; double click or 0: as at opening
 *   N, shift N                                                next, previous new or changed lesion
 *   O overlay, A C S planes, page up and down slices, F larger
 */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});
  const WHEEL_STEP_PX = 40;
  const FINGER_STEP_PX = 10;
  const TAP_PX = 8;
  const ZOOM_STEP = 1.15;

  mri.listen = function (pane) {
    const { glass, scene, element } = pane;
    const touches = new Map();
    let drag = null;
    let wheelPx = 0;

    for (const hand of ["pointerdown", "keydown"]) {
      element.addEventListener(hand, () => (scene.active = pane), true);
    }

    glass.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (!scene.shown()) return;
      scene.bySlider = null;
      if (event.ctrlKey) return scene.zoom(pane, event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, event);
      // A notch of a mouse wheel is one slice; a touchpad's small steps add up to one.
      const px = event.deltaMode === 0 ? event.deltaY : event.deltaY * WHEEL_STEP_PX;
      wheelPx += Math.min(Math.max(px, -WHEEL_STEP_PX), WHEEL_STEP_PX);
      const steps = Math.trunc(wheelPx / WHEEL_STEP_PX);
      wheelPx -= steps * WHEEL_STEP_PX;
      if (steps) scene.step(pane, -steps);
    }, { passive: false });

    glass.addEventListener("contextmenu", (event) => event.preventDefault());
    glass.addEventListener("mousedown", (event) => event.preventDefault());
    glass.addEventListener("dblclick", () => scene.shown() && scene.resetView(pane));

    glass.addEventListener("pointerdown", (event) => {
      if (!scene.shown() || event.button > 2) return;
      event.preventDefault();
      glass.setPointerCapture(event.pointerId);
      if (event.pointerType === "touch") touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
      drag = { ...begin(event), x: event.clientX, y: event.clientY, levels: scene.levels, view: scene.viewOf(pane) };
      if (drag.does === "point") scene.moveTo(pane.pointUnder(event), pane);
      const thumb = scene.root.querySelector(`[data-slides="${element.dataset.slider}"] [role=slider]`);
      if (thumb) thumb.focus({ preventScroll: true });
    });

    function begin(event) {
      if (touches.size > 1) return { does: "pinch", span: span(), between: between() };
      if (event.pointerType === "touch") return { does: "finger", stepped: 0 };
      if (event.button === 2) return { does: "window" };
      return { does: event.button === 1 || event.shiftKey ? "pan" : "point" };
    }

    function span() {
      const [a, b] = [...touches.values()];
      return Math.hypot(a.x - b.x, a.y - b.y);
    }

    function between() {
      const [a, b] = [...touches.values()];
      return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    }

    glass.addEventListener("pointermove", (event) => {
      if (!drag || !scene.shown()) return;
      if (touches.has(event.pointerId)) touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
      moves[drag.does](event);
    });

    const moves = {
      point: (event) => scene.moveTo(pane.pointUnder(event), pane),
      window: (event) => scene.dragWindow(drag.levels, event.clientX - drag.x, event.clientY - drag.y),
      pan: (event) => scene.pan(pane, drag.view, event.clientX - drag.x, event.clientY - drag.y),
      finger(event) {
        const wanted = Math.trunc((drag.y - event.clientY) / FINGER_STEP_PX);
        if (wanted !== drag.stepped) scene.step(pane, wanted - drag.stepped);
        drag.stepped = wanted;
      },
      pinch() {
        if (touches.size < 2) return;
        const now = between();
        scene.pinch(pane, drag.view, span() / drag.span, now.x - drag.between.x, now.y - drag.between.y);
      },
    };

    const drop = (event) => {
      const tapped = drag && drag.does === "finger" && event.type === "pointerup";
      if (tapped && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < TAP_PX) {
        scene.moveTo(pane.pointUnder(event), pane);
      }
      touches.delete(event.pointerId);
      drag = null;
    };
    glass.addEventListener("pointerup", drop);
    glass.addEventListener("pointercancel", drop);
  };

  const KEYS = {
    n: (scene) => scene.tour(1),
    N: (scene) => scene.tour(-1),
    o: (scene) => scene.press("overlay"),
    a: (scene) => scene.choosePlane("axial"),
    c: (scene) => scene.choosePlane("coronal"),
    s: (scene) => scene.choosePlane("sagittal"),
    f: (scene) => scene.press("larger"),
    0: (scene) => scene.resetView(scene.activePane()),
    "+": (scene) => scene.zoom(scene.activePane(), ZOOM_STEP),
    "-": (scene) => scene.zoom(scene.activePane(), 1 / ZOOM_STEP),
    PageUp: (scene) => scene.step(scene.activePane(), 1),
    PageDown: (scene) => scene.step(scene.activePane(), -1),
  };

  /** Whether a key is text for the element that has it; a switch or a choice takes none. */
  function typing(target) {
    if (target.tagName === "INPUT") return !/^(radio|checkbox|range|button)$/.test(target.type);
    return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || typing(event.target)) return;
    const scene = mri.activeScene();
    const key = event.key.length === 1 && event.key !== "N" ? event.key.toLowerCase() : event.key;
    const act = event.shiftKey && key === "n" ? KEYS.N : KEYS[key];
    if (!scene || !act || !scene.shown()) return;
    event.preventDefault();
    scene.bySlider = null;
    act(scene);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-mri-does]");
    const scene = button && mri.sceneNamed(button.closest("[data-mri-for]").dataset.mriFor);
    if (scene) scene.press(button.dataset.mriDoes, button.dataset.mriWith);
  });
})();
