package longreach.gateway.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class UnaryTest {
    @Test
    void anErrorIsAnsweredAsInternal() {
        List<Status> statuses = new ArrayList<>();
        Unary.answer(
                new StreamObserver<String>() {
                    @Override
                    public void onNext(String answer) {}

                    @Override
                    public void onError(Throwable error) {
                        statuses.add(Status.fromThrowable(error));
                    }

                    @Override
                    public void onCompleted() {}
                },
                () -> {
                    throw new NoSuchMethodError("of a library");
                });
        assertThat(statuses).hasSize(1);
        assertThat(statuses.getFirst().getCode()).isEqualTo(Status.Code.INTERNAL);
        assertThat(statuses.getFirst().getDescription()).isEqualTo("internal error: NoSuchMethodError");
    }
}
