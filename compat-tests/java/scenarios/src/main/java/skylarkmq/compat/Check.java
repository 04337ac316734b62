package skylarkmq.compat;

import java.util.Arrays;
import java.util.Objects;

/** Assertions that work without -ea and say which two values disagree. */
public final class Check {
    private Check() {
    }

    public static void equal(String what, Object want, Object got) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError(what + ": want " + want + ", got " + got);
        }
    }

    public static void equalBytes(String what, byte[] want, byte[] got) {
        if (!Arrays.equals(want, got)) {
            throw new AssertionError(what + ": bytes differ, want " + want.length + " got " + (got == null ? "none" : got.length));
        }
    }

    public static void that(boolean condition, String format, Object... args) {
        if (!condition) {
            throw new AssertionError(String.format(format, args));
        }
    }
}
