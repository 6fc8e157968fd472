// Icons as paths in a 100 × 100 box. Each state has a shape of its own: nothing depends on colour.

const NS = "http://www.w3.org/2000/svg";

const CIRCLE = "M50 6a44 44 0 1 0 .01 0z";
const OCTAGON = "M32 6h36l26 26v36L68 94H32L6 68V32z";
const TRIANGLE = "M50 9L95 90H5z";
const RECEIPT = "M22 6h56v86l-9.300-7-9.300 7-9.400-7-9.300 7-9.300-7-9.400 7z";
const TICK = "M29 52l15 15 28-33";

const SHAPES = {
  connecting: ["M50 22a28 28 0 1 1-20 8", "M30 12v19h19"],
  idle: ["M6 50h52v42H6z", "M6 65h52", "M62 30a16 16 0 0 1 16 16", "M62 12a34 34 0 0 1 34 34"],
  reading: [CIRCLE, "M28 50h.1", "M50 50h.1", "M72 50h.1"],
  accepted: [CIRCLE, TICK],
  refused: [OCTAGON, "M34 34l32 32", "M66 34L34 66"],
  open: ["M40 8h50v84H40", "M8 50h54", "M44 30l20 20-20 20"],
  free: ["M8 8h84v84H8z", "M26 50h40", "M50 32l18 18-18 18", "M82 20v60"],
  leaving: ["M60 8H10v84h50", "M36 50h54", "M70 30l20 20-20 20"],
  passed: ["M16 22l28 28-28 28", "M52 22l28 28-28 28"],
  busy: ["M22 8h56", "M22 92h56", "M28 8c0 24 22 28 22 42S28 68 28 92", "M72 8c0 24-22 28-22 42s22 18 22 42"],
  void: ["M22 34h42a22 22 0 0 1 0 44H30", "M40 14L20 34l20 20"],
  register: ["M6 26h88v52H6z", "M6 42h88", "M50 50v20", "M40 60h20"],
  requested: ["M6 26h88v52H6z", "M6 42h88", "M38 60l9 9 17-18"],
  quote: [RECEIPT, "M64 28L36 60", "M38 32h.1", "M62 57h.1"],
  two_taps: ["M6 20h54v38H6z", "M6 32h54", "M40 44h54v38H40z", "M40 56h54"],
  refunded: [RECEIPT, "M64 42H38", "M48 30L36 42l12 12"],
  recorded: [RECEIPT, "M36 44l10 11 19-23"],
  printed: ["M14 38h72v38H14z", "M28 38V8h44v30", "M30 62h40v30H30z", "M42 76h16"],
  attention: [TRIANGLE, "M50 38v24", "M50 75v.1"],
  unavailable: [TRIANGLE, "M50 38v24", "M50 75v.1"],
  down: ["M8 62l16-16 20 20-16 16a14 14 0 0 1-20-20z", "M92 38L76 54 56 34l16-16a14 14 0 0 1 20 20z", "M44 54l10-10", "M16 12l68 76"],
  offline: ["M28 76h46a18 18 0 0 0 4-36A27 27 0 0 0 27 36a20 20 0 0 0 1 40z", "M14 10l74 82"],
  ok: [CIRCLE, TICK],
  warn: [TRIANGLE, "M50 38v24", "M50 75v.1"],
  fail: [OCTAGON, "M34 34l32 32", "M66 34L34 66"],
};

export const ICONS = Object.keys(SHAPES);

/** An `svg` element. It says nothing to a screen reader: the text beside it does. */
export function icon(name) {
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("aria-hidden", "true");
  for (const shape of SHAPES[name] ?? SHAPES.attention) {
    const path = document.createElementNS(NS, "path");
    path.setAttribute("d", shape);
    path.setAttribute("fill", "none");
    path.setAttribute("stroke", "currentColor");
    path.setAttribute("stroke-width", "8");
    path.setAttribute("stroke-linecap", "round");
    path.setAttribute("stroke-linejoin", "round");
    svg.append(path);
  }
  return svg;
}
