"""Use our activations in Stable-Baselines3's own algorithms."""

from stable_baselines3 import PPO, SAC

import swimrl

STEPS = 10_000

ppo = PPO(
    "MlpPolicy", "Pendulum-v1", policy_kwargs={"activation_fn": swimrl.activation_fn("swim(k=1)")}, seed=0
)
ppo.learn(STEPS)
print(ppo.policy.mlp_extractor)

sac = SAC("MlpPolicy", "Pendulum-v1", policy_kwargs={"activation_fn": swimrl.activation_fn("ulu")}, seed=0)
sac.learn(STEPS // 10)
print(sac.actor)
