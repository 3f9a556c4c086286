/*
 * The inside of dash-vtk 0.0.9, the only place that knows it. It offers no camera, no slice 0 and no teardown by props,
 * so this goes through React's own bookkeeping; the versions are pinned and the browser tests guard the shape.
 */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});

  /** A failure with words for the user. */
  mri.ViewerError = class ViewerError extends Error {};

  mri.messageOf = function (error) {
    return error instanceof mri.ViewerError ? error.message : "The image could not be shown: the viewer failed.";
  };

  /** The dash-vtk view that drew a canvas. */
  function viewOf(canvas) {
    const host = canvas.parentElement;
    const key = Object.keys(host).find((name) => name.startsWith("__reactFiber$"));
    const view = key && host[key].return && host[key].return.return && host[key].return.return.stateNode;
    const parts = ["renderer", "renderWindow", "openglRenderWindow", "camera", "interactor"];
    if (!view || parts.some((part) => !view[part]) || typeof view.onResize !== "function") {
      throw new mri.ViewerError("The viewer does not fit the installed dash-vtk (0.0.9 expected).");
    }
    return view;
  }

  /**
   * The image and overlay of a view, or null until dash-vtk has made them. Renders that React threw away leave actors
   * behind; only those that were mounted carry the props of web/vtk_scene.py (not pickable; overlay below opacity 1).
   */
  function layersOf(view) {
    const slices = view.renderer.getViewProps().filter((prop) => prop.isA("vtkImageSlice") && !prop.getPickable());
    const opacity = (actor) => actor.getProperty().getOpacity();
    const [image, overlay, ...more] = slices.sort((a, b) => opacity(b) - opacity(a));
    if (!overlay) return null;
    if (more.length || opacity(image) < 1 || opacity(overlay) >= 1) {
      throw new mri.ViewerError("The viewer found other layers in dash-vtk than an image and an overlay.");
    }
    return { image, overlay };
  }

  /** The surfaces of a view in the order in which web/vtk_scene.py lists them: line widths carry their numbers. */
  function surfacesOf(view) {
    const number = (actor) => actor.getProperty().getLineWidth();
    return view.renderer
      .getViewProps()
      .filter((prop) => prop.isA("vtkActor") && !prop.getPickable())
      .sort((a, b) => number(a) - number(b));
  }

  /** The reader dash-vtk connected to a layer, or null until it has. */
  function readerOf(actor) {
    const connection = actor.getMapper().getInputConnection(0);
    if (!connection) return null;
    if (!connection.filter || typeof connection.filter.parseAsArrayBuffer !== "function") {
      throw new mri.ViewerError("The viewer found no volume reader in dash-vtk (0.0.9 expected).");
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

  mri.hasWebGl = function () {
    if (webGl === null) {
      const canvas = document.createElement("canvas");
      const context = canvas.getContext("webgl2") || canvas.getContext("webgl");
      const loss = context && context.getExtension("WEBGL_lose_context");
      if (loss) loss.loseContext();
      webGl = Boolean(context);
    }
    return webGl;
  };

  mri.dashVtk = { viewOf, layersOf, surfacesOf, readerOf, takeOver };
})();
