#include "api/views/views.h"

const dz_view_route dz_view_routes[] = {
    {"experiments", dz_view_experiments},
    {"experiments/{name}", dz_view_experiment},
    {"experiments/{name}/history", dz_view_history},
    {"experiments/{name}/curves", dz_view_curves},
    {"experiments/{name}/trials", dz_view_trials},
    {"experiments/{name}/trials/{number}", dz_view_trial},
    {"experiments/{name}/sample", dz_view_sample},
    {"experiments/{name}/importance", dz_view_importance},
    {"experiments/{name}/contour", dz_view_contour},
    {"experiments/{name}/front", dz_view_front},
    {"experiments/{name}/timeline", dz_view_timeline},
    {"experiments/{name}/compare", dz_view_compare},
};
const size_t dz_view_route_count = sizeof dz_view_routes / sizeof *dz_view_routes;
