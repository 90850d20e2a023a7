/* Plays one episode of Hopper-v5 with an exported policy: MuJoCo's C library, no Python, no PyTorch.

   usage: robot_in_c MODEL.xml QPOS... QVEL...     It prints steps and return.
   10_robot_in_c.py exports a policy, compiles this file beside policy.c, and runs it. On a robot, the lines that
   read the sensors and drive the motors take the place of MuJoCo's. */
#include <math.h>
#include <mujoco/mujoco.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy.h"

enum { STEPS = 1000, FRAMES = 4 }; /* of an episode; of the simulation for each action */

/* Positions without the horizontal one, then velocities between -10 and 10. */
static void observe(const mjModel *model, const mjData *data, float *observation)
{
    for (int i = 1; i < model->nq; ++i) {
        *observation++ = (float)data->qpos[i];
    }
    for (int i = 0; i < model->nv; ++i) {
        *observation++ = (float)fmax(-10.0, fmin(10.0, data->qvel[i]));
    }
}

static int is_healthy(const mjModel *model, const mjData *data)
{
    int healthy = data->qpos[1] > 0.7 && fabs(data->qpos[2]) < 0.2;
    for (int i = 2; i < model->nq; ++i) {
        healthy = healthy && fabs(data->qpos[i]) < 100.0;
    }
    for (int i = 0; i < model->nv; ++i) {
        healthy = healthy && fabs(data->qvel[i]) < 100.0;
    }
    return healthy;
}

int main(int count, char **arguments)
{
    char error[500] = "";
    mjModel *model = count > 1 ? mj_loadXML(arguments[1], NULL, error, sizeof error) : NULL;
    if (model == NULL || count != 2 + model->nq + model->nv) {
        fprintf(stderr, "usage: robot_in_c MODEL.xml QPOS... QVEL... %s\n", error);
        return 2;
    }
    mjData *data = mj_makeData(model);
    for (int i = 0; i < model->nq; ++i) {
        data->qpos[i] = atof(arguments[2 + i]);
    }
    for (int i = 0; i < model->nv; ++i) {
        data->qvel[i] = atof(arguments[2 + model->nq + i]);
    }
    mj_forward(model, data);

    double sum = 0.0;
    int step = 0, healthy = 1;
    while (step < STEPS && healthy) {
        float observation[POLICY_OBSERVATION_SIZE], action[POLICY_ACTION_SIZE];
        observe(model, data, observation);
        if (policy_act(observation, action) != 0) {
            fprintf(stderr, "step %d: the observation is not finite\n", step);
            return 1;
        }
        double effort = 0.0;
        for (int a = 0; a < POLICY_ACTION_SIZE; ++a) {
            data->ctrl[a] = action[a];
            effort += (double)action[a] * (double)action[a];
        }
        const double before = data->qpos[0];
        for (int frame = 0; frame < FRAMES; ++frame) {
            mj_step(model, data);
        }
        healthy = is_healthy(model, data);
        sum += (data->qpos[0] - before) / (FRAMES * model->opt.timestep) + healthy - 0.001 * effort;
        ++step;
    }
    printf("%d steps, return %.6f\n", step, sum);
    mj_deleteData(data);
    mj_deleteModel(model);
    return 0;
}
