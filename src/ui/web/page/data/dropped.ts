/** Reads dropped or chosen files: archives, folders with everything in them, loose pictures. */
import { isJunkName } from "../../../../io/names/entry-rules.js";
import type { UploadFile } from "./uploads.js";

/** What becomes one job. */
export interface Dropped {
  readonly name: string;
  readonly files: readonly UploadFile[];
}

const ARCHIVE = /\.(cbz|zip)$/i;
/** For a file chooser. */
export const PICTURE_TYPES = "image/*,.tif,.tiff,.avif,.webp";
/** For a file chooser that takes archives too. */
export const INPUT_TYPES = `.cbz,.zip,application/zip,${PICTURE_TYPES}`;

/** True where the file's name is an archive's. */
export function isArchive(name: string): boolean {
  return ARCHIVE.test(name);
}

function readEntries(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

async function walk(entry: FileSystemEntry, path: string, found: UploadFile[]): Promise<void> {
  if (isJunkName(entry.name, entry.isDirectory)) return;
  if (entry.isFile) {
    found.push({ file: await fileOf(entry as FileSystemFileEntry), path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (let part = await readEntries(reader); part.length > 0; part = await readEntries(reader)) {
    for (const child of part) await walk(child, `${path}/${child.name}`, found); // a call gives 100 at most
  }
}

/** Groups files into jobs: each archive one, each folder one, all loose pictures one. */
export function group(files: readonly UploadFile[], looseName: string): Dropped[] {
  const jobs: Dropped[] = [];
  const folders = new Map<string, UploadFile[]>();
  const loose: UploadFile[] = [];
  for (const one of files) {
    const slash = one.path.indexOf("/");
    if (slash > 0) {
      const folder = one.path.slice(0, slash);
      const inside = { file: one.file, path: one.path.slice(slash + 1) };
      folders.set(folder, [...(folders.get(folder) ?? []), inside]);
    } else if (isArchive(one.path)) jobs.push({ name: one.path.replace(ARCHIVE, ""), files: [one] });
    else loose.push(one);
  }
  for (const [name, inside] of folders) jobs.push({ name, files: inside });
  if (loose.length > 0) jobs.push({ name: looseName, files: loose });
  return jobs;
}

/** All files of a drop, folders read through. Must be called in the event's own turn. */
export async function droppedFiles(data: DataTransfer): Promise<UploadFile[]> {
  const entries = [...data.items].flatMap((item) => (item.kind === "file" ? (item.webkitGetAsEntry() ?? []) : []));
  if (entries.length === 0) return [...data.files].map((file) => ({ file, path: file.name }));
  const found: UploadFile[] = [];
  for (const entry of entries) await walk(entry, entry.name, found);
  return found.sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
}

/** All files of a file chooser; of a chosen folder with their paths in it. */
export function chosenFiles(list: FileList | null): UploadFile[] {
  return [...(list ?? [])]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .filter(({ path }) => !isJunkName(path));
}

/** True where a drag brings files from outside the page. */
export function bringsFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
