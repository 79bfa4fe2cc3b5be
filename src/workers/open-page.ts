/** A page opened in one go: decoded for the engine and classified, from one decode wherever the two agree. */
import { toGray } from "../binding/pixels.js";
import { completeThresholds, decide, type ClassificationThresholds, type ImageClassification } from "../classification/decision.js";
import { decodeForClassification } from "../classification/decode-for-classification.js";
import { calibrate } from "../classification/calibrated.js";
import { isGrayByHeader, isPlainPng } from "../classification/header.js";
import { evidenceOf, inspect, type ClassifierImage, type Inspection } from "../classification/metrics.js";
import type { ClassifierName } from "../config/batch-config.js";
import { decodeBorrowed, decodeImage, decodePlain, DEFAULT_MAX_PIXELS, type DecodedImage, type DecodeOptions, type ImageInfo } from "../io/image-codec.js";

export interface OpenPageOptions extends DecodeOptions {
  /** Limits of the classifier; the others keep their defaults. */
  readonly thresholds?: Partial<ClassificationThresholds>;
  /** Which decision. Default "plain". */
  readonly decision?: ClassifierName | undefined;
}

/** What a picture is; with metrics where the plain rule has decided by them. */
export type PictureKind = Omit<ImageClassification, "metrics"> & Partial<Pick<ImageClassification, "metrics">>;

export interface TellPictureOptions extends OpenPageOptions {
  /** Where the header leaves no room for colour, say so without decoding the picture. Default false. */
  readonly byHeader?: boolean;
}

/**
 * Tells whether a picture is line art or coloured; with the metrics where the decision is made by them. Errors as `decodeImage`.
 */
export async function tellPicture(bytes: Uint8Array, name: string, { byHeader = false, ...options }: TellPictureOptions = {}): Promise<PictureKind> {
  const calibrated = options.decision === "calibrated";
  if (byHeader && isGrayByHeader(bytes)) return { type: "line_art", confidence: 1, ...(calibrated ? { ambiguous: false } : {}) };
  const { thresholds, decision: _, ...decodeOptions } = options;
  const seen = await asClassifierDecodes(bytes, name, decodeOptions);
  return calibrated ? calibrate(evidenceOf(seen)) : decide(inspect(seen).metrics, completeThresholds(thresholds));
}

/** A picture for the classifier alone: one decode wherever the page's is the classifier's, and no pixel copied. */
async function asClassifierDecodes(bytes: Uint8Array, name: string, options: DecodeOptions): Promise<ClassifierImage> {
  const plain = isPlainPng(bytes) ? await decodePlain(bytes, options) : undefined;
  return plain ?? asClassifierSees(await decodeBorrowed(bytes, name, options)) ?? decodeForClassification(bytes, name, { limitPixels: options.maxPixels ?? DEFAULT_MAX_PIXELS });
}

export interface OpenedPage extends DecodedImage {
  readonly classification: ImageClassification;
}

/** Decodes a page and classifies it. Errors as `decodeImage`. */
export async function openPage(bytes: Uint8Array, name: string, options: OpenPageOptions = {}): Promise<OpenedPage> {
  const { thresholds, decision, ...decodeOptions } = options;
  const page = await decodeImage(bytes, name, decodeOptions);
  const seen = asClassifierSees(page) ?? (await decodeForClassification(bytes, name, { limitPixels: options.maxPixels ?? DEFAULT_MAX_PIXELS }));
  return { ...page, classification: classification(inspect(seen), completeThresholds(thresholds), decision) };
}

function classification({ metrics, evidence }: Inspection, thresholds: ClassificationThresholds, decision: ClassifierName = "plain"): ImageClassification {
  return decision === "plain" ? decide(metrics, thresholds) : { ...calibrate(evidence), metrics };
}

/**
 * The page as the classifier would decode it, when that is the same pixels: 8-bit RGB or gray, upright, without palette, alpha and
 * profile. Otherwise undefined.
 */
function asClassifierSees({ image, info }: DecodedImage): ClassifierImage | undefined {
  if (info.depth !== 8 || info.hasAlpha || info.isPalette || info.icc !== undefined || info.orientation !== 1) return undefined;
  if (isPlain(info, "srgb", 3)) return image;
  if (isPlain(info, "b-w", 1)) return toGray(image as RasterRgb);
  return undefined;
}

type RasterRgb = DecodedImage["image"] & { channels: 3 };

function isPlain(info: ImageInfo, space: string, channels: number): boolean {
  return info.space === space && info.channels === channels;
}
