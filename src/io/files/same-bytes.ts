/** Compares files. */
import { readFully } from "./byte-source.js";
import { openFile } from "./read-file.js";

const PIECE_BYTES = 2 ** 20;

/** Whether two files hold the same bytes. Rejects where one cannot be read. */
export async function sameBytes(path: string, other: string): Promise<boolean> {
  const file = await openFile(path);
  try {
    const otherFile = await openFile(other);
    try {
      const [piece, otherPiece] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
      for (let position = 0; ; position += PIECE_BYTES) {
        const count = await readFully(file, piece, position);
        const otherCount = await readFully(otherFile, otherPiece, position);
        const isSame = Buffer.from(piece.buffer, 0, count).equals(Buffer.from(otherPiece.buffer, 0, otherCount));
        if (!isSame) return false;
        if (count < PIECE_BYTES) return true;
      }
    } finally {
      await otherFile.close();
    }
  } finally {
    await file.close();
  }
}
