"""Audit the model every Monday on Kubernetes. Written by auditor init.

The image holds concept-auditor, the model and its config; runs lie on a volume, so that a stopped
pod goes on where it was and the next week is compared with this one. Airflow retries whatever the
exit code: an audit that was stopped (75) goes on, and one that is finished is only judged again,
which takes seconds, so that a failing gate (1) or an incomplete audit (4) stays failed.
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
COMMAND = [
    "auditor", "run", "audit.yaml", "--out", "/runs", "--baseline", "latest", "--log-json",
]  # fmt: skip

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
        cmds=COMMAND,
        volumes=[RUNS],
        volume_mounts=[k8s.V1VolumeMount(name="runs", mount_path="/runs")],
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "2", "memory": "4Gi"}, limits={"memory": "8Gi"}
        ),
        # SIGTERM is answered within 10 seconds; what was finished is kept.
        termination_grace_period=30,
        retries=2,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(hours=2),
        on_finish_action="delete_pod",
    )
