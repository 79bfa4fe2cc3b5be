/** Facts about the server's model, and the settings that it ignores. Its networks are not loaded. */
import { embeddedModelDirectory, modelDirectory } from "../../../model/default-model.js";
import { ignoredSettings } from "../../../model/ignored-settings.js";
import { openModelPackage, type ModelPackage } from "../../../model/package.js";
import type { ServerInfo } from "../api/schemas.js";

/** What is known of a model without its networks. */
export type PackageFacts = Pick<ModelPackage, "directory" | "hash" | "manifest" | "styles">;

export class ModelFacts {
  readonly #model: string | undefined;
  readonly #open: () => Promise<PackageFacts>;
  #package: Promise<PackageFacts> | undefined;

  /**
   * @param model name of an installed model or folder of a package; default: the one that is chosen
   * @param open reads what is known of it. Default: out of its folder
   */
  constructor(
    model: string | undefined,
    open = (): Promise<PackageFacts> => openModelPackage(modelDirectory(model), { verify: false }),
  ) {
    this.#model = model;
    this.#open = open;
  }

  /** Folder of the model package; undefined for the embedded model and for a name that leads nowhere. */
  get namedDirectory(): string | undefined {
    try {
      const directory = modelDirectory(this.#model);
      return directory === embeddedModelDirectory() ? undefined : directory;
    } catch {
      return undefined;
    }
  }

  /** The package. One that could not be read is tried again by the next call. @throws ModelError `ERR_MODEL_*` */
  async package(): Promise<PackageFacts> {
    this.#package ??= this.#open().catch((error: unknown) => {
      this.#package = undefined;
      throw error;
    });
    return this.#package;
  }

  /** @throws ModelError `ERR_MODEL_*` */
  async info(): Promise<Pick<ServerInfo, "model" | "styles" | "ignored">> {
    const { manifest, styles, directory } = await this.package();
    const { name, version, trained } = manifest;
    return {
      model: { name, version, trained, standIn: directory === embeddedModelDirectory() },
      styles: [...styles],
      ignored: ignoredSettings(manifest).map(({ key, because, unless }) => ({
        setting: key,
        because,
        ...(unless === undefined ? {} : { unless }),
      })),
    };
  }
}
