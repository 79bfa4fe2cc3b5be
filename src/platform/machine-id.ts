/**
 * A number that the machine has for good, and that is not to be shown to others: hash it with something of your own.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Where systemd and D-Bus keep it. Images of containers often have none, or one that all their copies share. */
const FILES = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/** The number together with the host's name, which containers of one image do not share. */
export function machineId(): string {
  for (const file of FILES) {
    try {
      const id = readFileSync(file, "utf8").trim();
      if (id !== "") return `${id} ${hostname()}`;
    } catch {
      // the next one
    }
  }
  return hostname();
}
