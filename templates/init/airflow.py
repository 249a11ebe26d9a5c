"""Audit the model every Monday on Kubernetes. Written by auditor init.

The image holds concept-auditor, the model and its config; runs lie on a volume, so that a stopped
pod goes on where it was and the next week is compared with this one. Exit code 75 (stopped) is
retried; 1 (the gate failed), 2 and 3 (it can never pass as it is) and 4 (incomplete) are not.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

RUNS = k8s.V1Volume(
    name="runs",
    persistent_volume_claim=k8s.V1PersistentVolumeClaimVolumeSource(claim_name="model-audits"),
)
# The shell turns "will never pass as it is" into 99, which Airflow does not retry.
COMMAND = """
auditor run [[ config ]] --out /runs --baseline latest --log-json && exit 0
code=$?
if [ "$code" -eq 75 ]; then exit 75; fi
echo "auditor ended with exit code $code; see /runs/summary.json" >&2
exit 99
"""

with DAG(
    dag_id="model_audit",
    schedule="0 5 * * 1",
    start_date=datetime(2025, 1, 6),
    catchup=False,
    max_active_runs=1,
    tags=["model review"],
) as dag:
    KubernetesPodOperator(
        task_id="audit",
        name="model-audit",
        image="registry.example.com/model-audit:latest",
        cmds=["sh", "-c"],
        arguments=[COMMAND],
        volumes=[RUNS],
        volume_mounts=[k8s.V1VolumeMount(name="runs", mount_path="/runs")],
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "2", "memory": "4Gi"}, limits={"memory": "8Gi"}
        ),
        # SIGTERM is answered within 10 seconds; what was finished is kept.
        termination_grace_period=30,
        retries=2,
        retry_delay=timedelta(minutes=5),
        skip_on_exit_code=None,
        execution_timeout=timedelta(hours=2),
        on_finish_action="delete_pod",
    )
