/**
 * Names of what nobody means as a chapter: files that are being written, and what systems and programs keep beside
 * files. Whole names only, as those programs give them: a title may begin with a dot, or as one of them does.
 */
import { stat } from "node:fs/promises";
import { basename } from "node:path";

/** Of files that are being written, and copies that editors keep; in lower case, as all of these. */
const FILES = [
  /\.(?:part|partial|crdownload|tmp|filepart|download)$/,
  /^\.in\..*\.$|^\.pureftpd-upload\.|^\.goutputstream-[a-z0-9]{6}$/,
  /\.[a-z0-9]{1,5}~$|^\.~lock\..*#$|^~\$/,
  /^\..*\.[a-z0-9]{6}$/, // of rsync: `.name.Ab3dE6`
  /^(?:thumbs\.db|desktop\.ini|\.ds_store|\.volumeicon\.icns|\.picasa\.ini|\.stignore|\.lock)$/,
  /^\.(?:nfs[0-9a-f]{8,}|fuse_hidden[0-9a-f]{8,}|sync\.ffs_(?:db|lock)|(?:owncloud|nextcloud)sync\.log)$/,
];

const FOLDERS = [
  /^\..*\.tmp$|\.(?:download|crdownload)$|^\.~tmp~$|^\.rsync-(?:partial|tmp)$/,
  /^(?:\.trash|\.trash-\d+|\.trashes|\.recycle|\.recycle\.bin|\.recycler|#recycle|\$recycle\.bin)$/,
  /^(?:\.snapshots?|\.zfs|\.spotlight-v\d+|\.fseventsd|\.temporaryitems|\.documentrevisions-v\d+)$/,
  /^(?:\.apple(?:db|desktop|double)|system volume information|lost\+found|@eadir|__macosx)$/,
  /^\.(?:git|svn|hg|stfolder|stfolder\.removed-.*|stversions|sync|dropbox|dropbox\.(?:cache|device))$/,
  /^\.(?:cache|thumbnails|thumbs|picasaoriginals)$/,
];

/** Whether something in a hot folder is no chapter by its name. Never rejects. */
export async function isForeign(path: string): Promise<boolean> {
  const name = basename(path).toLowerCase();
  const [isFile, isFolder] = [FILES, FOLDERS].map((patterns) => patterns.some((pattern) => pattern.test(name)));
  if (isFile === isFolder) return isFile!;
  const info = await stat(path).catch(() => undefined);
  return info?.isDirectory() === isFolder;
}
