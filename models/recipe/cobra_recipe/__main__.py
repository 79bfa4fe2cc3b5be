"""The recipe's commands; `python -m cobra_recipe COMMAND --help` names their options."""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from .config import CONFIGS

#: Shares of the minutes of `all`.
SHARES = {"patches": 0.06, "transformer": 0.82, "guide": 0.12}


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cobra_recipe", description=__doc__)
    sub = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, minutes: float | None = None) -> argparse.ArgumentParser:
        p = sub.add_parser(name, help=text, description=text)
        p.add_argument("--work", default="work", help="folder of pool and checkpoints (default: work)")
        p.add_argument("--config", choices=CONFIGS, default="cpu")
        p.add_argument("--seed", type=int, default=0)
        p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
        p.add_argument("--threads", type=int, default=1, help="CPU threads of PyTorch (default: 1)")
        if minutes is not None:
            p.add_argument("--minutes", type=float, default=minutes, help=f"training time in all, resumed runs included (default: {minutes})")
            p.add_argument("--init", default="", help="checkpoint for a warm start")
        return p

    draw = command("draw", "draw chunks of the pool")
    draw.add_argument("--first", type=int, default=0)
    draw.add_argument("--count", type=int, default=64, help="chunks of 64 geometries (default: 64)")
    draw.add_argument("--stride", type=int, default=1)
    draw.add_argument("--art", default="", help="folder of sprites; without it only the recipe's own cast is drawn")
    sprites = command("sprites", "take apart what art/render.mjs has rendered")
    sprites.add_argument("--art", required=True, help="folder of render.mjs's pictures; sprites are written into it")
    sample = command("sample", "draw the sample chapter of `npm run demo`")
    sample.add_argument("--archive", default=str(Path(__file__).resolve().parents[3] / "scripts/sample/chapter.cbz"))
    sample.add_argument("--truth", default="", help="folder for the pages in colour")
    warm = command("warm", "write checkpoints of a package's weights into WORK/warm, for --init")
    warm.add_argument("--package", default=str(Path(__file__).resolve().parents[2] / "default"))
    transformer = command("transformer", "train the colouring network", 90)
    transformer.add_argument("--rate", type=float, help="learning rate (default: the config's)")
    transformer.add_argument("--batch", type=int, help="pages of 256x256 a step (default: the config's)")
    command("guide", "train the guided decoder", 8)
    command("patches", "train the patch encoder", 5)
    for name, text in (("export", "write the model package"), ("evaluate", "figures and montages of a package"), ("all", "everything, in one command")):
        p = command(name, text, 22 if name == "all" else None)
        p.add_argument("--package", default=str(Path(__file__).resolve().parents[2] / "default"))
        if name != "export":
            p.add_argument("--montages", default="", help="folder for pictures and figures.json (default: WORK/evaluation)")
            p.add_argument("--pages", default="", help="folder of real pages (skipped when absent)")
            p.add_argument("--count", type=int, default=200, help="drawn held-out pages (default: 200)")
            p.add_argument("--top-k", type=int, default=3)
            p.add_argument("--product", action="store_true", help="also colour with the product (Node, built with `npm run build`), as users get it")
        if name == "all":
            p.add_argument("--drawers", type=int, default=max(1, (os.cpu_count() or 2) - 2), help="processes that draw the pool meanwhile")
            p.add_argument("--wall", type=float, default=1e9, help="seconds this call may take; call again to go on (exit status 3)")
        if name in ("export", "all"):
            p.add_argument("--note", default="", help="text for the manifest's training figures")
    return parser


def note(args) -> str:
    """What the manifest says about the training."""
    text = f"Recipe models/recipe {__import__('cobra_recipe').__version__}, config {args.config}, data seed {args.seed}."
    return f"{text} {args.note}".strip()


def stage(args, name: str, minutes: float, init: str = "") -> None:
    """One training."""
    from . import guide, patches, train_transformer

    cfg, work = CONFIGS[args.config], Path(args.work)
    if getattr(args, "rate", None):
        cfg = replace(cfg, learning_rate=args.rate)
    if getattr(args, "batch", None):
        cfg = replace(cfg, batch=args.batch)
    pool = str(work / "pool")
    common = dict(minutes=minutes, seed=args.seed, device=args.device)
    if name == "transformer":
        train_transformer.train(cfg, pool, str(work / "transformer.pt"), init=init, **common)
    elif name == "guide":
        guide.train(cfg, pool, str(work / "transformer.pt"), str(work / "guide.pt"), init=init, **common)
    else:
        patches.train(cfg, pool, str(work / "patches.pt"), **common)


def write(args) -> None:
    from .export import export

    work = Path(args.work)
    export(args.package, *(str(work / f"{n}.pt") for n in ("transformer", "guide", "patches")), training=note(args))


def measure(args) -> None:
    from .evaluate import evaluate

    evaluate(args.package, args.montages or str(Path(args.work) / "evaluation"), args.count, args.pages, args.top_k, args.config != "tiny", args.threads, args.product)


def slim(work: Path) -> None:
    """Checkpoints without the optimizers' state in WORK/slim, for a later warm start."""
    (work / "slim").mkdir(exist_ok=True)
    for name in SHARES:
        state = torch.load(work / f"{name}.pt", map_location="cpu")
        torch.save({k: state[k] for k in ("net", "run", "config") if k in state}, work / "slim" / f"{name}.pt")


def everything(args) -> int:
    """Draw in the background, train all networks in turn, export, evaluate. Resumes where it was; 3 when the wall time is up."""
    end = time.time() + args.wall
    os.environ["RECIPE_DEADLINE"] = str(end - 15)
    work = Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    have = len(list((work / "pool").glob("[0-9]*.npz")))
    drawers = [
        subprocess.Popen(
            [sys.executable, "-m", "cobra_recipe", "draw", "--work", args.work, "--first", str(i), "--stride", str(args.drawers), "--count", "100000"],
            cwd=Path(__file__).parents[1],
        )
        for i in range(args.drawers)
    ]
    try:
        while have < 4:
            time.sleep(1)
            have = len(list((work / "pool").glob("[0-9]*.npz")))
        for name, share in SHARES.items():
            if (work / f"{name}.done").exists():
                continue
            stage(args, name, args.minutes * share)
            if time.time() > end - 16:
                print(f"wall time is up in {name}; call again to go on", flush=True)
                return 3
            (work / f"{name}.done").touch()
    finally:
        for d in drawers:
            d.kill()
    if args.wall < 1e8 and end - time.time() < 200:
        print("trained; call again for export and evaluation", flush=True)
        return 3
    slim(work)
    write(args)
    measure(args)
    return 0


def main() -> int:
    args = options().parse_args()
    torch.set_num_threads(args.threads)
    if args.command == "draw":
        from .pool import draw

        draw(str(Path(args.work) / "pool"), args.first, args.count, args.stride, art=args.art)
    elif args.command == "sprites":
        from .sprites import write as write_sprites

        write_sprites(args.art, Path(__file__).resolve().parents[1] / "art/sources.json")
    elif args.command == "sample":
        from .sample import write as write_sample

        write_sample(args.archive, args.truth)
    elif args.command == "warm":
        from .warm import write as write_warm

        write_warm(args.package, args.work, CONFIGS[args.config])
    elif args.command == "export":
        write(args)
    elif args.command == "evaluate":
        measure(args)
    elif args.command == "all":
        return everything(args)
    else:
        stage(args, args.command, args.minutes, args.init)
    return 0


if __name__ == "__main__":
    sys.exit(main())
