package skylarkmq.compat;

import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** Polls for a condition with a deadline: the only way a scenario may wait. */
public final class Await {
    public static final long DEFAULT_MILLIS = 60_000;
    private static final long POLL_MILLIS = 20;

    private Await() {
    }

    public static void until(String what, Callable<Boolean> condition) throws Exception {
        until(what, DEFAULT_MILLIS, condition, () -> "");
    }

    /** detail is asked only on failure, to say how far things came. */
    public static void until(String what, long millis, Callable<Boolean> condition, Supplier<String> detail) throws Exception {
        long deadline = System.nanoTime() + millis * 1_000_000;
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("gave up waiting for: " + what + " " + detail.get());
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    /** Waits until the wall clock has passed the millisecond, so that the next store time is a later one. */
    public static void clockPast(long millis) throws InterruptedException {
        while (System.currentTimeMillis() <= millis + 2) {
            Thread.sleep(1);
        }
    }
}
