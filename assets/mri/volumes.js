/*
 * Volumes and meshes by URL: each is fetched and unpacked once and kept while the reader moves between the studies of
 * one person, so that going back in time or to another sequence and back asks the server nothing.
 */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});
  const KEPT = 16;
  // Alpha of an overlay as it came, by volume: vtk.js freezes its objects.
  const styles = new WeakMap();

  async function fetchBytes(url, what, signal) {
    let response;
    try {
      response = await fetch(url, { signal, credentials: "same-origin" });
      if (response.ok) return await response.arrayBuffer();
    } catch (error) {
      if (signal.aborted) throw error;
      throw new mri.ViewerError(`${what} could not be loaded: no answer from the server.`);
    }
    throw new mri.ViewerError(`${what} could not be loaded: the server answered ${response.status}.`);
  }

  function parse(reader, buffer, what) {
    let data = null;
    try {
      if (reader.parseAsArrayBuffer(buffer)) data = reader.getOutputData(0);
    } catch (_) {
      // A damaged file makes the reader throw whatever comes first; the words below say what the user can know.
    }
    if (!data || !complete(data)) throw new mri.ViewerError(`${what} could not be loaded: the file is damaged.`);
    return data;
  }

  function complete(data) {
    if (data.isA("vtkPolyData")) return data.getNumberOfPoints() > 0 && data.getNumberOfPolys() > 0;
    const scalars = data.getPointData().getScalars();
    return Boolean(scalars) && scalars.getNumberOfTuples() === data.getNumberOfPoints();
  }

  /** An image drawn on another grid than described would put every position wrong, so it is refused. */
  mri.checkGrid = function (image, slot) {
    const near = (a, b) => Array.from(a).every((value, axis) => Math.abs(value - b[axis]) < 1e-3);
    const described =
      near(image.getDimensions(), slot.shape) &&
      near(image.getSpacing(), slot.spacing_mm) &&
      near(image.getOrigin(), slot.origin_mm);
    if (!described) throw new mri.ViewerError("The image could not be shown: its grid is not the one described.");
  };

  /**
   * How an overlay is drawn. Masks come as a rim of full and an inside of lower alpha: `rim` as they come, `outline`
   * with nothing inside, `filled` as full inside as at the rim. vtk.js takes no opacity for coloured slices, so it is
   * put into the voxels too.
   */
  mri.styleOverlay = function (volume, style, opacity) {
    const scalars = volume.getPointData().getScalars();
    const values = scalars.getData();
    if (!styles.has(volume)) {
      const alpha = new Uint8Array(values.length / 4).map((_, voxel) => values[4 * voxel + 3]);
      const rim = alpha.reduce((most, each) => Math.max(most, each), 0);
      styles.set(volume, { alpha, rim, style: "rim", opacity: 1 });
    }
    const kept = styles.get(volume);
    if (kept.style === style && kept.opacity === opacity) return;
    const inside = { rim: (alpha) => alpha, outline: () => 0, filled: () => kept.rim }[style];
    const drawn = new Uint8Array(256).map((_, alpha) =>
      Math.round(opacity * (alpha > 0 && alpha < kept.rim ? inside(alpha) : alpha)),
    );
    kept.alpha.forEach((alpha, voxel) => (values[4 * voxel + 3] = drawn[alpha]));
    Object.assign(kept, { style, opacity });
    scalars.modified();
    volume.modified();
  };

  /** Fetched and unpacked data by URL. */
  mri.Volumes = class Volumes {
    constructor() {
      this.held = new Map();
    }

    /** `reader()` promises dash-vtk's reader: unpacking waits for it, fetching does not. */
    async load(url, what, signal, reader) {
      if (this.held.has(url)) return this.keep(url, this.held.get(url));
      const [bytes] = await Promise.all([fetchBytes(url, what, signal), reader()]);
      return this.keep(url, parse(await reader(), bytes, what));
    }

    keep(url, data) {
      this.held.delete(url);
      this.held.set(url, data);
      if (this.held.size > KEPT) this.held.delete(this.held.keys().next().value);
      return data;
    }
  };
})();
