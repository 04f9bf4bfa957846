// How a picture stands on a narrow screen: its panels one under another, as large as there is room.
//
//   course.layoutOf(recording, room) → {width, height, boxes}
//
// room: how many pixels wide the picture may be. A box is a part of the picture, [left, top, width,
// height], and where it goes, [across, down]; all in shown pixels.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const WHOLE = 560; // with less room than this the letters of a whole picture cannot be read

  // The parts of each picture: rows, from the top down, of boxes [left, top, width, height]. They lie
  // in the gaps between panels, where no recorded frame draws anything; a test holds them to that.
  const SHELVES = {
    EvidenceNeedle: [[[5, 4, 456, 344]], [[462, 4, 334, 302]]],
    PosteriorPoint: [[[10, 8, 362, 366]], [[374, 8, 420, 366]]],
    PosteriorExplorer: [[[10, 8, 345, 386]], [[357, 8, 443, 386]]],
    LogWeights: [[[10, 4, 344, 370]], [[354, 4, 440, 370]]],
    GradientAscent: [[[26, 4, 429, 372]], [[456, 4, 344, 372]]],
    ModelAscent: [[[4, 4, 378, 370]], [[382, 4, 418, 370]]],
    AmortisedInference: [[[0, 10, 498, 415]], [[500, 50, 300, 340]]],
    SwellingCodes: [[[10, 14, 310, 382]], [[432, 14, 356, 382]]],
    RateDistortionTrade: [[[12, 14, 396, 406]], [[465, 14, 326, 406]]],
    WeightedObjective: [[[20, 14, 308, 388]], [[428, 14, 352, 388]]],
    PosteriorGap: [[[13, 8, 450, 340]], [[463, 24, 326, 298]]],
    OwnQ: [[[10, 4, 394, 446]], [[440, 4, 354, 446]]],
    LatentWalk: [[[10, 4, 394, 446]], [[440, 30, 354, 420]]],
    GradientNoise: [[[0, 0, 474, 450]], [[476, 0, 324, 450]]],
    DatasetFunnel: [[[4, 14, 280, 332]], [[284, 14, 516, 394]]],
    ChainOfLatents: [[[0, 14, 300, 391]], [[326, 14, 470, 391]]],
    DepthAgainstOneLayer: [[[12, 8, 316, 328]], [[339, 8, 453, 328]]],
    ChainBound: [[[1, 14, 565, 370]], [[567, 20, 232, 284]]],
  };

  const largest = (/** @type {number[]} */ numbers) => Math.max(...numbers);

  /** Boxes in rows, each at its place, the narrower rows in the middle. */
  function stacked(/** @type {number[][][]} */ rows) {
    const wide = rows.map(row => row.reduce((sum, [, , width]) => sum + width, 0));
    const width = largest(wide);
    const boxes = [];
    let down = 0;
    rows.forEach((row, i) => {
      let across = (width - wide[i]) / 2;
      for (const box of row) {
        boxes.push({ from: box, to: [across, down] });
        across += box[2];
      }
      down += largest(row.map(([, , , height]) => height));
    });
    return { width, height: down, boxes };
  }

  /**
   * How the picture of a recording stands where it has so much room.
   * @param {{name: string, width: number, height: number}} recording
   * @param {number} room in pixels
   */
  course.layoutOf = ({ name, width, height }, room) =>
    stacked((room < WHOLE && SHELVES[name]) || [[[0, 0, width, height]]]);
})();
