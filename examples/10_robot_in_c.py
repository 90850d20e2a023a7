"""Export a policy to C, and let a C program play an episode with it: MuJoCo's library, no Python."""

import subprocess
from pathlib import Path

import mujoco

import swimrl

STEPS = 20_000

run = swimrl.train(
    env="Hopper-v5", act="swim", steps=STEPS, normalize_obs=True, net="64x64", eval_every=STEPS,
    eval_episodes=1, final_episodes=0, td3={"learning_starts": 2_000}, out="runs/examples", overwrite=True,
)  # fmt: skip
folder = swimrl.export(run, ["c"], verify_steps=500, force=True).folder

env = run.make_environment()
env.reset(seed=1)
robot = env.unwrapped
start = [repr(float(number)) for number in (*robot.data.qpos, *robot.data.qvel)]

library = Path(mujoco.__file__).parent  # pip's MuJoCo has the headers and the library
(shared,) = library.glob("libmujoco*")
sources = [Path("robot_in_c.c"), folder / "policy.c"]
program = folder / "robot_in_c"
flags = ["-O3", "-march=native", "-fno-math-errno", f"-I{folder}", f"-I{library / 'include'}"]
subprocess.run(["cc", *flags, *sources, shared, f"-Wl,-rpath,{library}", "-lm", "-o", program], check=True)
subprocess.run([program, robot.fullpath, *start], check=True)

episode = run.evaluate(episodes=1, seed=1)
print(f"{episode.lengths[0]} steps, return {episode.returns[0]:.6f}, with swimrl from the same start")
