"""Three members in one model: what is theirs alone, which one trains, what checkpoints hold."""

from __future__ import annotations

import copy

import pytest
import torch
from fairseq.models import ARCH_MODEL_REGISTRY

from user_dir_tests.helpers.cotrain import PROBLEMS, TASK, change, make, members, optimizer_of, same
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.running.training import load
from user_dir_tests.helpers.toys.tiny import Setup, batch, build, parse
from xl_plugins.errors import UserError
from xl_plugins.methods.xla.model import MEMBERS, CotrainModel


@pytest.fixture(params=PROBLEMS)
def setup(request: pytest.FixtureRequest, folders: dict) -> Setup:
    return make(folders, request.param)


def weights(model: CotrainModel) -> list[dict[str, torch.Tensor]]:
    return [{name: value.clone() for name, value in member.state_dict().items()} for member in model.members]


def fresh(folders: dict, problem: str = "tagging", **options: object) -> CotrainModel:
    """A model as fairseq builds it."""
    return build(
        folders[problem], TASK, problem=problem, xla_target="de", xla_warmup_passes=1, scale=1, **options
    ).model


# -- what is whose --


def test_members_share_no_storage(setup: Setup) -> None:
    """Neither parameters nor buffers; within a member the output matrix is the embedding."""
    owners: dict[int, int] = {}
    for number, member in enumerate(setup.model.members):
        for value in [*member.parameters(), *member.buffers()]:
            assert owners.setdefault(value.untyped_storage().data_ptr(), number) == number
    assert len(setup.model.members) == MEMBERS == 3


def test_nothing_is_shared_after_a_pretrained_model(folders: dict) -> None:
    """All start from the same weights, each with a copy of its own."""
    model = fresh(folders, encoder_layers=2)
    state = load(folders["tagging"].parent / "tagging.pt")["model"]
    model.strict_restore = False
    model.load_state_dict(dict(state))
    first, *others = weights(model)
    encoder = [name for name in first if name.startswith("encoder.")]
    assert all(torch.equal(first[name], other[name]) for other in others for name in encoder)
    names = {name.replace("encoder.", "decoder.", 1): name for name in encoder}
    found = [names[name] for name in state if name in names]
    assert len(found) > 10
    assert all(torch.equal(first[names[name]], state[name]) for name in state if name in names)
    change(model.members[1])
    after = weights(model)
    assert same(after[0], first) and same(after[2], others[1]) and not same(after[1], others[0])


def test_heads_come_from_the_members_seeds(folders: dict) -> None:
    """Whatever the run's seed; two members with the same seed would be the same."""
    one, other = fresh(folders, weights=1, seed=1), fresh(folders, weights=2, seed=2)
    reseeded = fresh(folders, xla_member_seeds="1000,3000,4001")
    heads = {
        name: [{k: v for k, v in state.items() if "_heads." in k and k.endswith("weight")} for state in weights(model)]
        for name, model in (("one", one), ("other", other), ("reseeded", reseeded))
    }
    assert all(same(left, right) for left, right in zip(heads["one"], heads["other"]))
    assert same(heads["one"][1], heads["reseeded"][1]) and not same(heads["one"][2], heads["reseeded"][2])
    assert not same(heads["one"][0], heads["one"][1])


def test_heads_draw_nothing_from_the_runs_generator(folders: dict) -> None:
    model = fresh(folders)
    before = torch.get_rng_state()
    model.register_word_head("another", 4, "mean")
    assert torch.equal(torch.get_rng_state(), before)


# -- the active member --


def test_only_the_active_member_answers_and_trains(setup: Setup) -> None:
    sample, head = batch(setup, [0, 3, 5]), setup.task.problem.head_name
    for number in (1, 2, 0):
        setup.model.activate(number)
        output = setup.model(**sample["net_input"], classification_head_name=head)[0]
        alone = setup.model.members[number](**sample["net_input"], classification_head_name=head)[0]
        assert torch.equal(output, alone) and setup.model.member is setup.model.members[number]
        output.sum().backward()
        owners = {name.split(".")[1] for name, p in setup.model.named_parameters() if p.grad is not None}
        assert owners == {str(number)}
        trainable = {name.split(".")[1] for name, p in setup.model.named_parameters() if p.requires_grad}
        assert trainable == {str(number)}


def test_all_are_listed_before_one_is_activated(folders: dict) -> None:
    """fairseq's optimiser lists the parameters that require gradients when it is built: indices must not shift."""
    model = fresh(folders)
    asked = [[name for name, p in member.named_parameters() if p.requires_grad] for member in model.members]
    assert asked[0] == asked[1] == asked[2] and len(asked[0]) > 20
    model.activate(2)
    model.activate(0)
    assert [name for name, p in model.members[0].named_parameters() if p.requires_grad] == asked[0]
    assert not any(p.requires_grad for member in model.members[1:] for p in member.parameters())


def test_inactive_members_survive_an_update(setup: Setup) -> None:
    """Weight decay, moments of the stage before and left-over gradients do not reach them."""
    optimizer = optimizer_of(setup).optimizer
    sample, head = batch(setup, [0, 3, 5]), setup.task.problem.head_name
    for number in (0, 1):
        before = weights(setup.model)
        setup.model.activate(number)
        for _ in range(2):
            setup.model(**sample["net_input"], classification_head_name=head)[0].pow(2).sum().backward()
            optimizer.step()
        after = weights(setup.model)
        assert [same(one, other) for one, other in zip(before, after)] == [n != number for n in range(3)]


def test_evaluating_puts_everything_back(setup: Setup) -> None:
    for mode in (True, False):
        setup.model.train(mode)
        with setup.model.evaluating():
            assert not any(module.training for module in setup.model.modules()) and not torch.is_grad_enabled()
        assert setup.model.training == mode and torch.is_grad_enabled()
    with pytest.raises(ValueError), setup.model.evaluating():
        raise ValueError
    assert not setup.model.training and torch.is_grad_enabled()


# -- the best weights of a stage --


def test_the_best_weights_come_back(setup: Setup) -> None:
    model = setup.model
    model.activate(1)
    start = weights(model)
    model.remember()
    change(model.members[1])
    better = weights(model)[1]
    model.remember()
    change(model.members[1])
    assert not same(weights(model)[1], better)
    model.go_back()
    after = weights(model)
    assert same(after[1], better) and same(after[0], start[0]) and same(after[2], start[2])
    assert model.best is None and not same(start[1], better)


def test_a_snapshot_is_a_copy_in_main_memory(setup: Setup) -> None:
    model = setup.model
    model.activate(2)
    model.remember()
    held = {value.untyped_storage().data_ptr() for value in model.best.values()}
    assert not held & {p.untyped_storage().data_ptr() for p in model.parameters()}
    assert all(value.device.type == "cpu" and not value.requires_grad for value in model.best.values())
    assert {name for name, _ in model.members[2].named_parameters()} <= model.best.keys()


def test_a_checkpoint_within_a_stage_holds_both(setup: Setup) -> None:
    model = setup.model
    plain = model.state_dict().keys()
    model.activate(0)
    model.remember()
    best = {name: value.clone() for name, value in model.best.items()}
    change(model.members[0])
    state = copy.deepcopy(model.state_dict())
    assert state.keys() - plain == {f"snapshot.{name}" for name in best}
    now = weights(model)
    model.best = None
    change(model.members[0])
    model.load_state_dict(state)
    assert all(same(one, other) for one, other in zip(weights(model), now))
    assert same(model.best, best)
    model.activate(0)
    model.go_back()
    assert all(torch.equal(model.members[0].state_dict()[name], value) for name, value in best.items())


def test_a_checkpoint_between_stages_empties_the_snapshot(setup: Setup) -> None:
    state = copy.deepcopy(setup.model.state_dict())
    assert not any(name.startswith("snapshot.") for name in state)
    setup.model.remember()
    setup.model.load_state_dict(state)
    assert setup.model.best is None


# -- loading --


def test_members_are_restored_each_from_its_own(setup: Setup) -> None:
    state, before = copy.deepcopy(setup.model.state_dict()), weights(setup.model)
    for member in setup.model.members:
        change(member)
    setup.model.strict_restore = True
    assert all(member.strict_restore for member in setup.model.members)
    setup.model.load_state_dict(state)
    assert all(same(one, other) for one, other in zip(weights(setup.model), before))
    assert all(same(one, other) for one, other in zip(members(state), before))


def test_fine_tuned_weights_are_refused(setup: Setup) -> None:
    state = setup.model.members[0].state_dict()
    with pytest.raises(UserError, match=r"fine-tuned \(it has .*_heads.*give three checkpoints as --xla-init-members"):
        setup.model.load_state_dict(dict(state))


def test_fewer_members_are_refused(setup: Setup) -> None:
    state = {name: value for name, value in setup.model.state_dict().items() if not name.startswith("members.1.")}
    with pytest.raises(UserError, match=r"fewer than 3 members; start from a pre-trained model\.pt"):
        setup.model.load_state_dict(state)


def test_shapes(folders: dict) -> None:
    """Both architectures are there; the large one is XLM-R large."""
    assert {ARCH_MODEL_REGISTRY[name] for name in ("xla_cotrain_xlmr", "xla_cotrain_xlmr_large")} >= {CotrainModel}
    shape = {f"encoder_{part}": None for part in ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")}
    for arch, expected in (("xla_cotrain_xlmr", (12, 768, 3072, 12)), ("xla_cotrain_xlmr_large", (24, 1024, 4096, 16))):
        cfg = parse(folders["tagging"], TASK, arch=arch, xla_target="de", **shape).model
        assert tuple(getattr(cfg, name) for name in shape) == expected
