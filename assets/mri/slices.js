/* Drawing a slice and its overlay with dash-vtk: one canvas of one pane. */
(function () {
  "use strict";

  const mri = (window.clamsMri = window.clamsMri || {});
  const OVERLAY_LIFT_MM = 0.3;
  // Canvas pixels a voxel gets at most: more show nothing more, and without a GPU every pixel costs. While the reader
  // scrolls one is enough; the slice that stays is drawn anew.
  const PX_PER_VOXEL = 2;
  const PX_PER_VOXEL_SCROLLING = 1;

  mri.SlicePainter = class SlicePainter {
    constructor(pane, { lost, released, resized }) {
      Object.assign(this, { pane, lost, released, resized });
    }

    /** Take over canvas and layers as dash-vtk makes them; true when all are there. */
    adopt() {
      const canvas = this.pane.frame.querySelector("canvas");
      if (!canvas) return false;
      if (canvas !== this.canvas) this.adoptCanvas(canvas);
      if (!this.image) Object.assign(this, mri.dashVtk.layersOf(this.view));
      if (!this.image || !this.pane.element.dataset.reader || this.readers) return Boolean(this.image);
      const readers = { image: mri.dashVtk.readerOf(this.image), overlay: mri.dashVtk.readerOf(this.overlay) };
      if (readers.image && readers.overlay) this.readers = readers;
      return Boolean(this.readers);
    }

    adoptCanvas(canvas) {
      const view = mri.dashVtk.viewOf(canvas);
      const nothing = { canvas: null, view: null, image: null, overlay: null, readers: null, shown: {} };
      Object.assign(this, nothing, { canvas, view });
      const lost = () => this.lost();
      canvas.addEventListener("webglcontextlost", lost);
      mri.dashVtk.takeOver(view, canvas, {
        resize: () => this.resized(),
        released: () => {
          canvas.removeEventListener("webglcontextlost", lost);
          if (this.canvas === canvas) Object.assign(this, nothing);
          this.released();
        },
      });
    }

    /** Draw `index` of `plane` of these volumes. */
    draw({ plane, placement, index, slot, volumes, levels, overlay, scrolling }) {
      if (!this.image || !this.size(plane, placement, slot, scrolling)) return false;
      this.put(this.image, volumes.image, plane, 0);
      this.image.getMapper()[plane.setSlice](index);
      this.image.setVisibility(true);
      this.drawOverlay(volumes.overlay, plane, index, slot, overlay);
      const [black, white] = levels;
      this.image.getProperty().setColorWindow(white - black);
      this.image.getProperty().setColorLevel((white + black) / 2);
      this.aim(plane, placement, slot);
      this.view.renderWindow.render();
      return true;
    }

    drawOverlay(volume, plane, index, slot, { on, opacity, style }) {
      let covered = false;
      if (on && volume) {
        const { axis } = plane;
        const first = Math.round((volume.getOrigin()[axis] - slot.origin_mm[axis]) / slot.spacing_mm[axis]);
        const own = index - first;
        covered = own >= 0 && own < volume.getDimensions()[axis];
        if (covered) {
          mri.styleOverlay(volume, style, opacity);
          this.put(this.overlay, volume, plane, OVERLAY_LIFT_MM);
          this.overlay.getMapper()[plane.setSlice](own);
        }
      }
      this.overlay.setVisibility(covered);
    }

    /**
     * vtk.js stretches the n texels of a slice over the n - 1 steps between the outer voxel centres, half a voxel off
     * at the edges and differently for image and cropped overlay; scale each actor back to n steps. The overlay
     * floats `lift_mm` before the image.
     */
    put(actor, volume, plane, lift_mm) {
      const layer = actor === this.image ? "image" : "overlay";
      const last = this.shown[layer];
      if (last && last.volume === volume && last.plane === plane) return;
      this.shown[layer] = { volume, plane };
      const [count, spacing, origin] = [volume.getDimensions(), volume.getSpacing(), volume.getOrigin()];
      const scale = [1, 1, 1];
      const shift = [0, 0, 0];
      for (let axis = 0; axis < 3; axis++) {
        if (axis === plane.axis) {
          shift[axis] = plane.toViewer[axis] * lift_mm;
        } else {
          scale[axis] = count[axis] / (count[axis] - 1);
          shift[axis] = origin[axis] - spacing[axis] / 2 - scale[axis] * origin[axis];
        }
      }
      actor.getMapper().setInputData(volume);
      actor.setScale(...scale);
      actor.setPosition(...shift);
    }

    size(plane, { width, height, mmPerPx }, { spacing_mm: spacing }, scrolling) {
      if (!width || !height) return false;
      const voxelPx = Math.min(spacing[plane.horizontal], spacing[plane.vertical]) / mmPerPx;
      const wanted = (scrolling ? PX_PER_VOXEL_SCROLLING : PX_PER_VOXEL) / voxelPx;
      const density = Math.min(window.devicePixelRatio || 1, wanted);
      const size = [Math.max(Math.round(width * density), 1), Math.max(Math.round(height * density), 1)];
      const [now_x, now_y] = this.view.openglRenderWindow.getSize();
      if (now_x !== size[0] || now_y !== size[1]) this.view.openglRenderWindow.setSize(...size);
      return true;
    }

    aim(plane, placement, slot) {
      const last = this.shown.aim;
      if (last && last.plane === plane && last.slot === slot && placement.sameAs(last.placement)) return;
      this.shown.aim = { plane, placement, slot };
      const { centre, mmPerPx, height } = placement;
      const { shape, spacing_mm: spacing, origin_mm: origin } = slot;
      const { axis } = plane;
      const depth = shape[axis] * spacing[axis] + 10;
      const focus = centre.slice();
      focus[axis] = origin[axis] + (shape[axis] * spacing[axis]) / 2;
      const eye = plane.toViewer.map((part, along) => focus[along] + part * depth);
      const { camera } = this.view;
      camera.setParallelProjection(true);
      camera.setFocalPoint(...focus);
      camera.setPosition(...eye);
      camera.setViewUp(...plane.up);
      camera.setParallelScale((mmPerPx * height) / 2);
      camera.setClippingRange(1, 2 * depth);
    }
  };
})();
