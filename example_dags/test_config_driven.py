"""What `config_driven.py` makes of `tenants.yaml`."""


def test_one_dag_per_tenant(dynadag):
    """Every tenant of the configuration has a DAG."""
    bag = dynadag.load("example_dags/config_driven.py")

    assert sorted(bag.dags) == ["tenant_acme", "tenant_globex", "tenant_initech"]
    assert not bag.import_errors


def test_each_has_its_own_settings(dynadag):
    """A tenant's tables go to the tenant's own bucket, the default one where it names none."""
    assert dynadag.run("tenant_acme").xcoms["load[0]"] == "s3://shared/orders"
    assert dynadag.run("tenant_globex").xcoms["load[2]"] == "s3://globex-eu/shipments"
