"""What is typed, by command: the end of each command's help."""

EXAMPLES = {
    "train": (
        "imlogit train",
        "imlogit train photos --all --size 32x32 --grey",
        "imlogit train mnist-5k --positive 7 --precision 0.95 --out sevens",
    ),
    "sweep": ("imlogit sweep", "imlogit sweep photos --cs 1e-3:1e1:9 --folds 5"),
    "probe": (
        "imlogit probe embeddings.npz",
        "imlogit probe train.npy --labels train.txt --protocol dinov2",
        "imlogit probe embeddings.safetensors --shots 1,5,10 --draws 10",
    ),
    "check": ("imlogit check photos", "imlogit check photos --picture found.png"),
    "predict": (
        "imlogit predict imlogit-runs/photos-1 new/*.jpg",
        "imlogit predict imlogit-runs/photos-1 new --csv > answers.csv",
        "imlogit predict imlogit-runs/mnist-5k-1 scan.jpg --prepare digit",
    ),
    "evaluate": (
        "imlogit evaluate imlogit-runs/photos-1 other-photos",
        "imlogit evaluate imlogit-runs/photos-1 other-photos --report others.html",
    ),
    "doubts": (
        "imlogit doubts imlogit-runs/photos-1 -n 50",
        "imlogit doubts imlogit-runs/photos-1 --csv > doubts.csv",
    ),
    "explain": (
        "imlogit explain imlogit-runs/mnist-5k-1",
        "imlogit explain imlogit-runs/mnist-5k-1 --row 7",
        "imlogit explain imlogit-runs/photos-1 new/cat.jpg",
    ),
    "compare": ("imlogit compare imlogit-runs/photos-1 imlogit-runs/photos-2",),
    "report": ("imlogit report imlogit-runs/photos-1",),
    "open": ("imlogit open imlogit-runs/photos-1",),
    "show": ("imlogit show imlogit-runs/photos-1",),
    "export": (
        "imlogit export imlogit-runs/photos-1 --to onnx",
        "imlogit export imlogit-runs/photos-1 --to json --out photos.json",
    ),
    "data list": ("imlogit data list",),
    "data show": ("imlogit data show photos --per-class 3 --out sample.png",),
    "data fetch": ("imlogit data fetch mnist",),
    "data pack": ("imlogit data pack photos photos-packed --size 64x64",),
    "data augment": ("imlogit data augment mnist mnist-augmented --copies 10",),
    "features list": ("imlogit features list",),
    "features fetch": (
        "imlogit features fetch photos --features hog",
        "imlogit features fetch photos --features onnx:resnet18.onnx",
    ),
    "features show": ("imlogit features show resnet18.onnx",),
    "data clear": ("imlogit data clear photos", "imlogit data clear --older-than 30d"),
}


def epilog(command: str) -> str:
    """Return the end of a command's help: each example a line."""
    return "\n\n".join(["Examples:", *EXAMPLES[command]])
