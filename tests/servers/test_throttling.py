"""Failed authentications are counted over all workers: four together allow as many as one."""

import threading

from tests.servers.conftest import Answer, Server
from tests.servers.load import KeptConnection, every_worker

LIMIT = 20


def test_concurrent_wrong_attempts_over_four_workers_get_no_more_than_the_limit(four_workers: Server) -> None:
    client = four_workers.manage("create_client", "--workspace", "demo", "--name", "Robot")
    wrong = four_workers.manage("create_client", "--workspace", "demo", "--name", "Other")["client_secret"]
    answers: list[Answer] = []
    together = threading.Barrier(8)

    def guess(connection: KeptConnection) -> None:
        together.wait(10)
        for _ in range(8):
            answers.append(connection.get_token(client["client_id"], wrong))  # noqa: PERF401  # the others append between

    with every_worker(four_workers) as connections, every_worker(four_workers) as more:
        threads = [threading.Thread(target=guess, args=[connection]) for connection in (*connections, *more)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        right = [connection.get_token(client["client_id"], client["client_secret"]).status for connection in connections]
    assert len(answers) == 64
    refused = [answer for answer in answers if answer.status == 401]
    throttled = [answer for answer in answers if answer.status == 429]
    assert len(refused) == LIMIT
    assert len(throttled) == 64 - LIMIT
    assert all(1 <= int(answer.headers["retry-after"]) <= 300 and answer.json()["error"] == "invalid_client" for answer in throttled)
    # Every worker refuses this client from this address; every other client goes on.
    assert right == [429] * 4
    other = four_workers.manage("create_client", "--workspace", "demo", "--name", "Bystander")
    assert four_workers.post("/oauth2/token", auth=(other["client_id"], other["client_secret"]), data={"grant_type": "client_credentials"}).status_code == 200
