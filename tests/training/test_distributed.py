"""Several processes train as one does: the same problems, gradients, figures and files."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing
import yaml

from src.batches import BatchOrder
from src.checkpoint import load_model
from src.common.errors import UserError
from src.data.reading import read_records
from src.data_gen import generate
from src.dataset import ArithmeticDataset, TrainLoader, collate_fn, eval_loader
from src.lightning_module import LitLM
from src.loss import answer
from src.train import train
from src.training import distributed
from src.training.distributed import this_process

from ..conftest import ARCHITECTURES, ROOT, read_csv, tiny_params, write_records

# Two validation batches of 48, and one of a single problem, of which a second process has none.
DATA = {"val_fraction": 0.097}
TRAINING = {"batch_size": 6, "max_steps": 30, "log_every_n_steps": 1}
MODULE = ["-m", "src.train", "--config", "params.yaml", "--data_dir", "data"]


class Host:
    """A folder with data and parameters, in which ``python -m src.train`` runs."""

    def __init__(
        self,
        folder: Path,
        name: str = "llama2",
        devices: int = 2,
        nodes: int = 1,
        strategy: str = "auto",
        bias_rate: float = 0.0,
        **training: Any,
    ) -> None:
        self.folder = folder
        runtime = {"devices": devices, "num_nodes": nodes, "strategy": strategy}
        runtime |= {"checkpoint_every_n_steps": 7}
        self.params = tiny_params(
            name,
            data=DATA,
            models={"router_bias_rate": bias_rate},
            training=TRAINING | training,
            runtime=runtime,
        )
        for split, records in generate(self.params.data).items():
            write_records(folder / "data" / f"{split}.jsonl", records)
        self.use(devices)

    def use(self, devices: int) -> None:
        """That many processes from now on."""
        content = self.params.model_dump()
        content["runtime"]["devices"] = devices
        (self.folder / "params.yaml").write_text(yaml.safe_dump(content))

    def start(
        self,
        *command: str,
        variables: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> "subprocess.Popen[str]":
        environment = {k: v for k, v in os.environ.items() if k != "DVC_ROOT"}
        environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(variables or {})}
        return subprocess.Popen(
            [*prefix, *(command or (sys.executable, *MODULE))],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def rows(self, file: str) -> list[dict[str, float]]:
        table = read_csv(self.folder / "checkpoints" / "params" / file)
        return [{name: float(value) for name, value in row.items()} for row in table]

    def written(self) -> list[str]:
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.glob("checkpoints/*/*"))

    def states(self) -> list[Path]:
        return sorted(self.folder.glob("runs/*/progress-*.ckpt"))


def torchrun(host: Host) -> "list[subprocess.Popen[str]]":
    # That of the environment in which this test runs.
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    return [host.start(*launcher, "--nproc_per_node", "2", *MODULE)]


def srun(host: Host) -> "list[subprocess.Popen[str]]":
    """As far as its variables go."""
    shared = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NODEID": "0"}
    shared |= {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "1"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    ranks = [{"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)} for rank in range(2)]
    return [host.start(variables=shared | rank) for rank in ranks]


LAUNCHERS: dict[str, Callable[[Host], "list[subprocess.Popen[str]]"]] = {
    "torchrun": torchrun,
    "slurm": srun,
}


def end(*processes: "subprocess.Popen[str]", code: int = 0) -> str:
    """What they say, once all have ended."""
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [code] * len(processes), outputs
    return "".join(outputs)


def of_one_process(host: Host, folder: Path) -> Host:
    """The same training in this very process."""
    alone = Host.__new__(Host)
    alone.folder = folder
    runtime = host.params.runtime.model_copy(
        update={"devices": 1, "num_nodes": 1, "strategy": "auto"}
    )
    params = host.params.model_copy(update={"runtime": runtime})
    results = folder / "checkpoints" / "params"
    train(params, host.folder / "data", results, results, folder / "runs", overwrite=False)
    return alone


def assert_same_curves(one: Host, other: Host) -> None:
    for file in ("train.csv", "val.csv"):
        rows, others = one.rows(file), other.rows(file)
        assert [row["step"] for row in rows] == [row["step"] for row in others]
        for row, expected in zip(rows, others, strict=True):
            assert row.keys() == expected.keys()
            # Muon's bfloat16 makes more of the last digits.
            for name in {"loss", "aux_loss"} & row.keys():
                assert row[name] == pytest.approx(expected[name], rel=5e-4), (file, row["step"])


def lit_of(name: str) -> LitLM:
    params = tiny_params(name, models={"init_std": 0.2, "router_bias_rate": 0.5})
    torch.manual_seed(0)
    return LitLM(params.model_config_in_use.to_plain(), params.training.to_plain())


def learn_some(lit: LitLM, data: Path) -> None:
    """By heart: the first problems of val, so that some of its answers are right."""
    batch = collate_fn(ArithmeticDataset(read_records(data / "val.jsonl")[:16]).tokens)
    optimizer = torch.optim.AdamW(lit.parameters(), 3e-3)
    for _ in range(50):
        optimizer.zero_grad()
        answer(lit.model, batch).loss().backward()
        optimizer.step()
    optimizer.zero_grad()


def measured(name: str, data: Path, rank: int, size: int) -> dict[str, Any]:
    """Losses, gradients and validation figures of a process's share."""
    lit = lit_of(name)
    learn_some(lit, data)
    dataset = ArithmeticDataset(read_records(data / "val.jsonl"))
    order = BatchOrder(len(dataset), batch_size=7, n_batches=1, seed=3)
    (batch,) = TrainLoader(dataset, order, rank=rank, size=size)
    losses = [loss for loss in lit.losses(batch) if loss is not None]
    torch.stack(losses).sum().backward()
    parts = [*losses, *(p.grad for p in lit.parameters() if p.grad is not None)]
    whole = [distributed.summed(part) / size for part in parts]
    # Each process has moved the biases of its routers by the loads of all.
    lit.optimizer_step(0, 0, torch.optim.SGD(lit.parameters(), 0.0), lambda: None)
    whole += [buffer for key, buffer in lit.named_buffers() if key.endswith("mlp.bias")]
    lit.eval()
    with torch.inference_mode():
        for i, rows in enumerate(eval_loader(dataset, 32, rank, size)):
            lit.validation_step(rows, i)
    sums = {key: (float(value), count) for key, (value, count) in lit._sums.items()}
    return {"parts": whole, "val": distributed.means(sums), "counts": distributed.from_all(sums)}


def _work(rank: int, size: int, folder: Path) -> None:
    """What each process of `test_a_share_is...` runs."""
    torch.set_num_threads(1)
    rendezvous = f"file://{folder / 'rendezvous'}"
    torch.distributed.init_process_group("gloo", rendezvous, rank=rank, world_size=size)
    found = {name: measured(name, folder, rank, size) for name in ARCHITECTURES}
    if rank == 0:
        torch.save(found, folder / "found")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_loss_gradient_and_figures_are_those_of_all_rows(tmp_path: Path) -> None:
    size = 2
    splits = generate(tiny_params(data=DATA).data)
    write_records(tmp_path / "val.jsonl", splits["val"])
    assert len(splits["val"]) % 32 == 1
    torch.multiprocessing.spawn(_work, (size, tmp_path), nprocs=size)
    found = torch.load(tmp_path / "found", weights_only=True)
    for name in ARCHITECTURES:
        expected = measured(name, tmp_path, rank=0, size=1)
        torch.testing.assert_close(found[name]["parts"], expected["parts"], rtol=1e-5, atol=1e-6)
        val, counts = found[name]["val"], found[name]["counts"]
        assert val["val_exact_match"] == expected["val"]["val_exact_match"] > 0
        assert val == pytest.approx(expected["val"], rel=1e-5)
        assert val.keys() == expected["val"].keys()
        assert [part["val_exact_match"][1] for part in counts] == [49, 48]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "launcher"), [("llama2", "torchrun"), ("mixtral", "slurm")])
def test_two_processes_have_the_curves_of_one(name: str, launcher: str, tmp_path: Path) -> None:
    # Muon's bfloat16 makes so much of the last digits that a mixture serves tokens elsewhere.
    host = Host(tmp_path / "two", name, optimizer="adamw")
    said = end(*LAUNCHERS[launcher](host))
    assert said.count("checkpoints/params: ") == 1
    alone = of_one_process(host, tmp_path / "one")
    assert_same_curves(host, alone)
    assert host.written() == alone.written()
    assert {p.name for p in host.folder.glob("runs/*/*")} == {"lock"}


def wait_for_state(host: Host, process: "subprocess.Popen[str]") -> list[int]:
    """The processes that it has started, once training has come further than before."""
    before = host.states()
    while process.poll() is None and (host.states() == before or not host.states()):
        time.sleep(0.01)
    command = ["pgrep", "--parent", str(process.pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [int(word) for word in found.split()]


@pytest.mark.slow
def test_a_lost_process_ends_the_other_and_any_number_goes_on(tmp_path: Path) -> None:
    host = Host(tmp_path / "run", max_steps=120, val_check_interval=40.0)
    process = host.start()
    (child,) = wait_for_state(host, process)
    os.kill(child, signal.SIGKILL)
    began = time.monotonic()
    said = end(process, code=2)
    assert time.monotonic() - began < 60
    first, *_, last = said.splitlines()
    assert first.startswith("training llama2 on data; results will be in checkpoints/params")
    assert last.startswith("error: process 0 of 2 has lost another one")
    assert not host.written()

    host.use(1)
    process = host.start()
    assert not wait_for_state(host, process)
    process.kill()
    assert "resuming after step" in end(process, code=-signal.SIGKILL)

    host.use(2)
    assert "resuming after step" in end(host.start())
    assert_same_curves(host, of_one_process(host, tmp_path / "one"))


@pytest.mark.slow
def test_shared_out_weights_train_resume_and_end_as_one_file(tmp_path: Path) -> None:
    training: dict[str, Any] = {"strategy": "fsdp", "optimizer": "adamw", "max_steps": 20}
    host = Host(tmp_path / "run", "mixtral", bias_rate=0.001, **training)
    process = host.start()
    assert len(wait_for_state(host, process)) == 1
    process.kill()
    # Its output ends when the other process, too, has gone.
    assert "process 1 of 2 has lost another one" in end(process, code=-signal.SIGKILL)
    assert not host.written()
    assert "resuming after step" in end(host.start())
    alone = of_one_process(host, tmp_path / "one")
    assert_same_curves(host, alone)
    assert host.written() == alone.written()
    for name in ("best.ckpt", "last.ckpt"):
        one, other = (
            load_model(x.folder / "checkpoints" / "params" / name)[0].state_dict()
            for x in (host, alone)
        )
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-4)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture
def namespaces() -> Iterator[list[str]]:
    """Two hosts, as far as the network goes: 10.77.0.1 and 10.77.0.2, one cable between them."""
    names = [f"mlm-{os.getpid()}-{i}" for i in range(2)]
    try:
        for name in names:
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            "mlm0",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "mlm1",
            "netns",
            names[1],
        )
        for i, name in enumerate(names):
            ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", f"mlm{i}")
            for device in ("lo", f"mlm{i}"):
                ip("-n", name, "link", "set", device, "up")
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        pytest.skip(f"making network namespaces is not permitted here: {reason}")
    else:
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@pytest.mark.slow
def test_two_hosts_without_a_common_disk(namespaces: list[str], tmp_path: Path) -> None:
    hosts = [Host(tmp_path / name, "gpt2", devices=1, nodes=2) for name in namespaces]
    processes = []
    for rank, (name, host) in enumerate(zip(namespaces, hosts, strict=True)):
        variables = {"MASTER_ADDR": "10.77.0.1", "MASTER_PORT": "29500", "NODE_RANK": str(rank)}
        variables["GLOO_SOCKET_IFNAME"] = f"mlm{rank}"
        prefix = ("ip", "netns", "exec", name)
        processes.append(host.start(variables=variables, prefix=prefix))
    end(*processes)
    assert hosts[0].written()
    assert not hosts[1].written()
    assert not (hosts[1].folder / "runs").exists()
    assert_same_curves(hosts[0], of_one_process(hosts[0], tmp_path / "one"))


def test_a_launcher_with_another_number_of_processes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "3", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    runtime = tiny_params(runtime={"devices": 2}).runtime
    with pytest.raises(UserError, match=r"3 processes were started, but .* = 2 x 1"):
        this_process(runtime)


def test_one_process_needs_no_launcher() -> None:
    process = this_process(tiny_params().runtime)
    assert (process.rank, process.size) == (0, 1)
    assert distributed.from_all("x") == ["x"]
    assert distributed.from_first(lambda: "x") == "x"
    assert distributed.means({"a": (3.0, 4)}) == {"a": 0.75}
