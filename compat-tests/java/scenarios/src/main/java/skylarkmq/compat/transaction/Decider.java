package skylarkmq.compat.transaction;

import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;

/** A producer's side: each message says in two properties what its local transaction does and what a check answers. */
final class Decider implements TransactionListener {
    static final String LOCAL = "local";
    static final String CHECK = "check";

    final Set<String> checked = Collections.synchronizedSet(new TreeSet<>());
    final Map<String, String> seen = Collections.synchronizedMap(new TreeMap<>());

    static Message message(String topic, String name, String local, String check) {
        Message m = new Message(topic, "tx", "key-" + name, ("body " + name).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        m.putUserProperty("name", name);
        m.putUserProperty(LOCAL, local);
        m.putUserProperty(CHECK, check);
        return m;
    }

    /** One that a broker may not ask about before it had two minutes to hear of the decision. */
    static Message decided(String topic, String name, String local, String check) {
        Message m = message(topic, name, local, check);
        MessageAccessor.putProperty(m, "CHECK_IMMUNITY_TIME_IN_SECONDS", "120");
        return m;
    }

    @Override
    public LocalTransactionState executeLocalTransaction(Message m, Object arg) {
        String local = m.getUserProperty(LOCAL);
        if (local.equals("throws")) {
            throw new IllegalStateException("the local transaction threw");
        }
        return state(local);
    }

    @Override
    public LocalTransactionState checkLocalTransaction(MessageExt m) {
        String name = m.getUserProperty("name");
        if (checked.add(name)) {
            seen.put(name, "topic " + m.getTopic() + " queue " + m.getQueueId() + " tags " + m.getTags() + " keys " + m.getKeys()
                + " body [" + new String(m.getBody(), java.nio.charset.StandardCharsets.UTF_8) + "] transaction id is unique key "
                + m.getTransactionId().equals(m.getUserProperty("UNIQ_KEY")));
        }
        return state(m.getUserProperty(CHECK));
    }

    private static LocalTransactionState state(String text) {
        switch (text) {
            case "commit":
                return LocalTransactionState.COMMIT_MESSAGE;
            case "rollback":
                return LocalTransactionState.ROLLBACK_MESSAGE;
            default:
                return LocalTransactionState.UNKNOW;
        }
    }
}
