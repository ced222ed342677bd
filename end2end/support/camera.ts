// Reading a QR code off a screen, as another device's camera does.
import type { Locator } from "@playwright/test";
import jsQR from "jsqr";
import { PNG } from "pngjs";

export interface Sight {
  /** What the code says. */
  text: string;
  /** Modules of plain light on every side of the code: scanners want four (ISO/IEC 18004). */
  quiet: number;
}

/** What is read in `picture`, as the browser draws it: dark on light only, since there are cameras that read no other. */
export async function look(picture: Locator): Promise<Sight> {
  const { data, width, height } = PNG.sync.read(await picture.screenshot());
  const code = jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: "dontInvert" });
  if (code === null) throw new Error(`no code is readable in a picture of ${width} by ${height} pixels`);
  const { topLeftCorner: first, bottomRightCorner: last } = code.location;
  const modules = 17 + 4 * code.version;
  const isLight = (column: number, row: number) => {
    const x = Math.floor(first.x + ((column + 0.5) / modules) * (last.x - first.x));
    const y = Math.floor(first.y + ((row + 0.5) / modules) * (last.y - first.y));
    const pixel = data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3);
    return x >= 0 && y >= 0 && x < width && y < height && pixel.every((part) => part > 0xf0);
  };
  // A line of it, so far outside; corners may be round.
  const isQuiet = (out: number) =>
    Array.from({ length: modules }, (_, at) => [[at, -out], [at, modules - 1 + out], [-out, at], [modules - 1 + out, at]] as const)
      .flat()
      .every(([column, row]) => isLight(column, row));
  let quiet = 0;
  while (isQuiet(quiet + 1)) quiet += 1;
  return { text: code.data, quiet };
}
