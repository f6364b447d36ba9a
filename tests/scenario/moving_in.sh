# What MLflow and Optuna have kept in SQLite files is taken over, once; printed as CSV; and begun with.
sqlite3 mlflow.db <<'END'
CREATE TABLE experiments (experiment_id, name, lifecycle_stage, creation_time, last_update_time);
CREATE TABLE experiment_tags (key, value, experiment_id);
CREATE TABLE runs (run_uuid, name, experiment_id, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri);
CREATE TABLE params (key, value, run_uuid);
CREATE TABLE tags (key, value, run_uuid);
CREATE TABLE metrics (key, value REAL, timestamp, run_uuid, step, is_nan);
CREATE TABLE latest_metrics (key, value REAL, timestamp, step, is_nan, run_uuid);
CREATE TABLE registered_models (name, creation_time, last_updated_time, description);
CREATE TABLE model_versions (name, version, creation_time, last_updated_time, description, user_id, current_stage, source,
    run_id, storage_location);
CREATE TABLE registered_model_aliases (alias, version, name);
INSERT INTO experiments VALUES (0, 'Default', 'active', 1, 1), (1, 'before', 'active', 1, 1), (2, 'gone', 'deleted', 1, 1);
INSERT INTO runs VALUES ('00000000000000000000000000000001', 'a', 1, 'me', 'FINISHED', 1, 2, 'active', 'file:/x'),
    ('00000000000000000000000000000002', 'b', 1, 'me', 'FINISHED', 1, 3, 'active', 'file:/y'),
    ('00000000000000000000000000000003', 'c', 1, 'me', 'FAILED', 1, 3, 'active', 'file:/z'),
    ('00000000000000000000000000000004', 'd', 2, 'me', 'FINISHED', 1, 3, 'active', 'file:/z');
INSERT INTO params SELECT 'x', '0.' || CAST(substr(run_uuid, 32) AS INTEGER), run_uuid FROM runs;
INSERT INTO params VALUES ('note', 'a, "b"', '00000000000000000000000000000001');
INSERT INTO metrics SELECT 'loss', column1, 7, run_uuid, column2, 0 FROM runs, (VALUES (0.5, 1), (0.1, 2));
INSERT INTO latest_metrics SELECT 'loss', 0.1, 7, 2, 0, run_uuid FROM runs;
INSERT INTO registered_models VALUES ('net', 1, 1, NULL);
INSERT INTO model_versions VALUES ('net', 3, 1, 1, NULL, NULL, 'Production', 's', '00000000000000000000000000000001', NULL);
INSERT INTO registered_model_aliases VALUES ('champion', 3, 'net');
END
sqlite3 optuna.db <<'END'
CREATE TABLE studies (study_id, study_name);
CREATE TABLE study_directions (study_id, objective);
CREATE TABLE trials (trial_id, number, study_id, state, datetime_start, datetime_complete);
CREATE TABLE trial_params (trial_id, param_name, param_value REAL, distribution_json);
CREATE TABLE trial_values (trial_id, objective, value REAL, value_type);
CREATE TABLE trial_intermediate_values (trial_id, step, intermediate_value REAL, intermediate_value_type);
INSERT INTO studies VALUES (1, 'study');
INSERT INTO study_directions VALUES (1, 0);
INSERT INTO trials VALUES (1, 0, 1, 'COMPLETE', '2026-01-01 00:00:00', '2026-01-01 00:00:01'), (2, 1, 1, 'RUNNING', NULL, NULL);
INSERT INTO trial_params VALUES (1, 'x', 0.25, '{"name": "FloatDistribution", "attributes": {}}'),
    (1, 'n', 3, '{"name": "IntDistribution", "attributes": {}}'),
    (1, 'c', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b b"]}}');
INSERT INTO trial_values VALUES (1, 0, 0.75, 'FINITE');
INSERT INTO trial_intermediate_values VALUES (1, 4, NULL, 'NAN'), (1, 5, 2.5, 'FINITE');
END

status 0 dozan import mlflow mlflow.db
out "imported 1 experiments, 3 runs, 6 metric points, 1 model versions"
status 0 dozan import mlflow mlflow.db
out "imported 0 experiments, 0 runs, 0 metric points, 0 model versions"
status 0 dozan export csv before
out "run_id,name,status,start_time,end_time,metrics.loss,params.note,params.x"
out '00000000000000000000000000000001,a,FINISHED,1,2,0.10000000000000001,"a, ""b""",0.1'
out '00000000000000000000000000000003,c,FAILED,1,3,0.10000000000000001,,0.3'
status 0 dozan import optuna optuna.db
out "imported 1 experiments, 1 runs, 3 metric points, 0 model versions"
status 0 dozan import optuna optuna.db
out "imported 0 experiments, 0 runs, 0 metric points, 0 model versions"
status 0 dozan export csv study
out ",trial 0,FINISHED,1767225600000,1767225601000,2.5,0.75,b b,3,0.25,trial 0,0"

dozan export csv before >again.csv
status 0 dozan import csv again.csv
out "imported 1 experiments, 3 runs, 3 metric points, 0 model versions"
status 0 dozan import csv again.csv
out "imported 0 experiments, 0 runs, 0 metric points, 0 model versions"
status 0 dozan export csv again
out ',a,FINISHED,1,2,0.10000000000000001,"a, ""b""",0.1'
printf 'x,y\n1,2\n' >none.csv
status 2 dozan import csv none.csv
err "no column of the CSV is named params.NAME"
printf 'params.x,metrics.y\n1,2\n1,z\n' >text.csv
status 2 dozan import csv text.csv
err "row 3, column metrics.y: \"z\" is no number"
printf 'params.x,metrics.y\n1,2,3\n' >wide.csv
status 2 dozan import csv wide.csv
err "row 2 has 3 cells, and there are 2 columns"

status 2 dozan import optuna mlflow.db
err "no database of Optuna's"
status 2 dozan import excel mlflow.db
err "cannot be imported"
status 2 dozan import mlflow absent.db
err "there is no such file"
[ ! -e absent.db ] || fail "a file was made that was to be read"
status 2 dozan export csv absent
err "there is no experiment"

# The two that have finished are what an experiment begins with.
experiment new 4 1 "$bowl"
sed -i 's/^  algorithm:.*/  algorithm: {algorithmName: tpe}/' new.yaml
status 0 dozan run new.yaml -q --set 'spec.warmStart={experiments: ["mlflow:before"]}'
status 0 dozan describe experiment new
out "results of mlflow:before"
status 2 dozan run new.yaml --set metadata.name=other --set 'spec.warmStart={experiments: ["mlflow:absent"]}'
err "spec.warmStart.experiments[0]: MLflow's tracking has no experiment \"absent\""
