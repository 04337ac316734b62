package skylarkmq.compat;

/**
 * One thing an application does with an official client. It fails by throwing; what it notes in the transcript must be the
 * same on every server that behaves like the original, so the transcripts of two servers can be compared as text.
 */
public interface Scenario {
    String name();

    void run(Env env, Transcript see) throws Exception;

    /** True for scenarios that need a script around them (a restart, other settings): they run only when named by -only. */
    default boolean onDemand() {
        return false;
    }
}
