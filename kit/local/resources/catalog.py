"""Glue's catalog and Athena's workgroups: where rows of Parquet are asked (L5.1)."""

from kit.local.resources.handler import Handler, Inputs, Made, Place, adopted, api_names, found, without

_RESULTS = "athena-managed-results"  # Athena keeps results itself; the emulator wants a bucket for them


def _ensure_database(place: Place, inputs: Inputs, known: str | None) -> Made:
    glue, name = place.client("glue"), inputs["name"]
    if known is None:
        adopted("AlreadyExistsException", glue.create_database, DatabaseInput={"Name": name})
    return f"{place.account.id}:{name}", {
        "arn": place.arn("glue", f"database/{name}"),
        "catalogId": place.account.id,
    }


def _database_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    return found(place.client("glue").get_database, Name=inputs["name"]) is not None


def _delete_database(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("glue").delete_database, Name=inputs["name"])


def _ensure_table(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    glue, name, database = place.client("glue"), inputs["name"], inputs["databaseName"]
    stored = inputs["storageDescriptor"]
    description = {
        "Name": name,
        "TableType": inputs["tableType"],
        "Parameters": inputs["parameters"],
        "PartitionKeys": api_names(inputs["partitionKeys"]),
        "StorageDescriptor": {
            "Location": stored["location"],
            "InputFormat": stored["inputFormat"],
            "OutputFormat": stored["outputFormat"],
            "Columns": api_names(stored["columns"]),
            "SerdeInfo": {"SerializationLibrary": stored["serDeInfo"]["serializationLibrary"]},
        },
    }
    there = found(glue.get_table, DatabaseName=database, Name=name) is not None
    (glue.update_table if there else glue.create_table)(DatabaseName=database, TableInput=description)
    return f"{place.account.id}:{database}:{name}", {
        "arn": place.arn("glue", f"table/{database}/{name}"),
        "catalogId": place.account.id,
    }


def _table_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    glue = place.client("glue")
    return found(glue.get_table, DatabaseName=inputs["databaseName"], Name=inputs["name"]) is not None


def _delete_table(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("glue").delete_table, DatabaseName=inputs["databaseName"], Name=inputs["name"])


def _ensure_workgroup(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    athena, s3, name = place.client("athena"), place.client("s3"), inputs["name"]
    if found(s3.head_bucket, Bucket=_RESULTS) is None:
        s3.create_bucket(
            Bucket=_RESULTS,
            **(
                {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
                if place.region != "us-east-1"
                else {}
            ),
        )
    if not _workgroup_exists(place, name, inputs):
        results = {"ResultConfiguration": {"OutputLocation": f"s3://{_RESULTS}/{name}/"}}
        athena.create_work_group(Name=name, Configuration=results)
    return name, {"arn": place.arn("athena", f"workgroup/{name}")}


def _workgroup_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    return found(place.client("athena").get_work_group, WorkGroup=inputs["name"]) is not None


def _delete_workgroup(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("athena").delete_work_group, WorkGroup=inputs["name"])


HANDLERS = {
    "aws:glue/catalogDatabase:CatalogDatabase": Handler(_ensure_database, _database_exists, _delete_database),
    "aws:glue/catalogTable:CatalogTable": Handler(_ensure_table, _table_exists, _delete_table),
    "aws:athena/workgroup:Workgroup": Handler(_ensure_workgroup, _workgroup_exists, _delete_workgroup),
}
