"""Models of scikit-learn, XGBoost and LightGBM, and figures."""

from __future__ import annotations

import io
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest

import artifact_samples as samples
from lading_runner import values
from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers.figure import Png
from lading_runner.serializers.sklearn import SklearnSerializer
from lading_runner.store.blobs import MemoryBlob

sklearn = pytest.importorskip("sklearn")
from sklearn import (  # noqa: E402 -- after the skip
    cluster,
    compose,
    datasets,
    decomposition,
    ensemble,
    impute,
    linear_model,
    model_selection,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

ROWS, NUMBERS = datasets.load_iris(return_X_y=True)
WORDS = np.array(["a", "b", "c"])[NUMBERS]
FRAME = pd.DataFrame(ROWS, columns=["w", "x", "y", "z"])


@pytest.fixture(scope="module")
def store():
    return samples.new_store()


def kept(value, store):
    return values.load(values.save(value, store), store)


ESTIMATORS = [
    svm.SVC(C=2.0),
    tree.DecisionTreeClassifier(random_state=0),
    ensemble.RandomForestClassifier(3, random_state=0, class_weight={"a": 1, "b": 2, "c": 1}),
    ensemble.HistGradientBoostingClassifier(max_iter=2, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=2, random_state=0),
    ensemble.IsolationForest(n_estimators=3, random_state=0),
    ensemble.StackingClassifier([("svc", svm.SVC())], cv=2),
    pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
    compose.ColumnTransformer([("scale", preprocessing.StandardScaler(), [0, 1])], remainder="passthrough"),
    neighbors.KNeighborsClassifier(algorithm="kd_tree"),
    cluster.KMeans(3, random_state=0),
    decomposition.PCA(2),
    neural_network.MLPClassifier((3,), max_iter=5, random_state=0),
    naive_bayes.GaussianNB(),
    model_selection.GridSearchCV(svm.SVC(), {"C": [1, 2]}, cv=2),
    impute.SimpleImputer(),
    preprocessing.FunctionTransformer(np.log1p),
]


def answers(model):
    return model.predict(ROWS) if hasattr(model, "predict") else model.transform(ROWS)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_an_estimator_gives_the_same_answers_after_storage(estimator, store):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # five rounds are too few for a network
        estimator.fit(ROWS, WORDS)
    ref = values.save(estimator, store)
    back = values.load(ref, store)
    assert values.save(back, store) == ref  # before it is used: a tree of neighbours counts its queries
    assert type(back) is type(estimator)
    assert (answers(back) == answers(estimator)).all()
    assert str(back.get_params()) == str(estimator.get_params())


def test_an_estimator_that_is_not_fitted_is_stored_with_its_settings(store):
    assert kept(svm.SVC(C=3.0), store).C == 3.0


def test_the_same_training_twice_is_the_same_bytes(store):
    forests = [ensemble.RandomForestClassifier(3, random_state=0).fit(ROWS, WORDS) for _ in range(2)]
    assert values.save(forests[0], store) == values.save(forests[1], store)


def test_the_stored_estimator_is_a_zip_without_times_and_addresses(store):
    with zipfile.ZipFile(store.blob(values.save(svm.SVC().fit(ROWS, WORDS), store)).open()) as found:
        assert {entry.date_time for entry in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert found.namelist()[:2] == ["0.npy", "1.npy"]


def test_a_dict_of_several_key_types_inside_an_estimator_comes_back(store):
    weights = {2: 1.0, 0: 2.0, "x": 3.0}
    assert kept(svm.SVC(class_weight=weights), store).class_weight == weights


def test_names_of_features_come_back(store):
    back = kept(preprocessing.StandardScaler().fit(FRAME), store)
    assert list(back.feature_names_in_) == ["w", "x", "y", "z"]


class Mine(svm.SVC):
    pass


def own(rows):
    return rows


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Mine(), r"test_serializers_models\.Mine"),
        (pipeline.make_pipeline(preprocessing.FunctionTransformer(own)), r"test_serializers_models\.own"),
    ],
    ids=["class", "function"],
)
def test_an_estimator_with_code_of_the_user_is_refused_when_it_is_stored(estimator, name, store):
    with pytest.raises(SerializationError, match=f"contains {name}, .* keep your own classes"):
        values.save(estimator, store)


@pytest.mark.parametrize("name", ["os.system", "sklearn.utils.fixes.os", "numpy.f2py.compile", "mine.Model"])
def test_an_estimator_file_that_names_other_code_is_never_loaded(name):
    module, _, function = name.rpartition(".")
    raw = io.BytesIO()
    SklearnSerializer().dump(preprocessing.FunctionTransformer(np.log1p), raw)
    evil = io.BytesIO()
    with zipfile.ZipFile(raw) as found, zipfile.ZipFile(evil, "w") as written:
        schema = found.read("schema.json").decode()
        forged = schema.replace('"FunctionTransformer"', f'"{function}"')
        forged = forged.replace('"sklearn.preprocessing._function_transformer"', f'"{module}"')
        assert module in forged
        written.writestr("schema.json", forged)
    with pytest.raises(ArtifactUndecodable, match=f"contains {name}; expected classes of scikit-learn"):
        SklearnSerializer().load(MemoryBlob(evil.getvalue()), {})


xgboost = pytest.importorskip("xgboost")


@pytest.mark.parametrize("kind", ["XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"])
def test_an_xgboost_wrapper_gives_the_same_answers_after_storage(kind, store):
    model = getattr(xgboost, kind)(n_estimators=3, max_depth=2, n_jobs=1).fit(FRAME, NUMBERS)
    ref = values.save(model, store)
    back = values.load(ref, store)
    assert type(back) is type(model)
    assert ref.type == f"xgboost.{kind}"
    assert (back.predict(FRAME) == model.predict(FRAME)).all()
    assert str(back.get_params()) == str(model.get_params())
    assert list(back.feature_names_in_) == list(model.feature_names_in_)
    assert model.get_booster().attr("lading") is None
    assert values.save(back, store) == ref


def test_an_xgboost_classifier_of_two_classes_keeps_its_probabilities(store):
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(ROWS, NUMBERS > 0)
    back = kept(model, store)
    assert (back.predict_proba(ROWS) == model.predict_proba(ROWS)).all()
    assert list(back.classes_) == [0, 1]


def test_an_xgboost_booster_is_what_xgboost_itself_writes(store):
    model = xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(ROWS, NUMBERS), 2)
    ref = values.save(model, store)
    assert store.blob(ref).read() == bytes(model.save_raw("ubj"))
    back = values.load(ref, store)
    assert (back.predict(xgboost.DMatrix(ROWS)) == model.predict(xgboost.DMatrix(ROWS))).all()


def test_the_best_round_of_early_stopping_comes_back(store):
    model = xgboost.XGBRegressor(n_estimators=30, early_stopping_rounds=2, n_jobs=1)
    model.fit(ROWS, NUMBERS, eval_set=[(ROWS[::7], -NUMBERS[::7])], verbose=False)
    assert kept(model, store).best_iteration == model.best_iteration


lightgbm = pytest.importorskip("lightgbm")
SMALL = {"n_estimators": 3, "num_leaves": 4, "verbose": -1, "n_jobs": 1}


@pytest.mark.parametrize("labels", [WORDS, NUMBERS, WORDS == "a", NUMBERS > 0], ids=lambda y: str(y[-1]))
def test_a_lightgbm_classifier_gives_the_same_answers_after_storage(labels, store):
    model = lightgbm.LGBMClassifier(**SMALL).fit(ROWS, labels)
    ref = values.save(model, store)
    back = values.load(ref, store)
    assert (back.predict_proba(ROWS) == model.predict_proba(ROWS)).all()
    assert (back.predict(ROWS) == model.predict(ROWS)).all()
    assert back.classes_.dtype == model.classes_.dtype
    assert back.get_params() == model.get_params()
    assert values.save(back, store) == ref


def test_a_lightgbm_regressor_keeps_names_and_categories(store):
    frame = FRAME.assign(kind=pd.Categorical(WORDS))
    model = lightgbm.LGBMRegressor(**SMALL).fit(frame, NUMBERS)
    back = kept(model, store)
    assert back.feature_name_ == ["w", "x", "y", "z", "kind"]
    assert (back.predict(frame) == model.predict(frame)).all()
    assert values.save(back, store) == values.save(model, store)


def test_a_lightgbm_booster_keeps_all_rounds_and_which_was_best(store):
    model = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(ROWS, NUMBERS), 3)
    model.best_iteration = 1  # as early stopping sets it
    back = kept(model, store)
    assert (back.best_iteration, back.num_trees()) == (1, 3)
    assert (back.predict(ROWS) == model.predict(ROWS)).all()


def test_lightgbm_itself_reads_the_file(store):
    model = lightgbm.LGBMClassifier(**SMALL).fit(ROWS, WORDS)
    text = store.blob(values.save(model, store)).read().decode()
    assert (lightgbm.Booster(model_str=text).predict(ROWS) == model.predict_proba(ROWS)).all()


@pytest.mark.parametrize("model", [xgboost.XGBClassifier(), lightgbm.LGBMRegressor()], ids=str)
def test_a_model_that_is_not_fitted_is_refused(model, store):
    with pytest.raises(SerializationError, match=r"is not fitted; .* call fit first"):
        values.save(model, store)


def test_a_figure_is_a_png_without_the_name_of_its_software(store):
    figure = samples.SAMPLES["figure_line"]()
    ref = values.save(figure, store)
    back = values.load(ref, store)
    assert isinstance(back, Png)
    assert back._repr_png_().startswith(b"\x89PNG\r\n")
    assert b"oftware" not in back
    assert dict(ref.meta) == {"media_type": "image/png", "inches": [1.0, 1.0]}
    assert values.save(figure.axes[0], store).digest == ref.digest
    assert values.save(back, store).digest == ref.digest
