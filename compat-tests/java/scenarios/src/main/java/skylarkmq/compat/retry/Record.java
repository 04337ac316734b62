package skylarkmq.compat.retry;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;

/** A stored message as a line of a transcript. */
final class Record {
    private Record() {
    }

    /** Everything that is stored but times and addresses. */
    static String describe(MessageExt m) {
        return "topic " + m.getTopic() + " queue " + m.getQueueId() + " offset " + m.getQueueOffset() + " sysFlag " + m.getSysFlag()
            + " flag " + m.getFlag() + " reconsumed " + m.getReconsumeTimes() + " transaction " + m.getPreparedTransactionOffset()
            + " body [" + body(m) + "] properties " + properties(m);
    }

    /**
     * The only queue of a topic that the broker makes by itself, once it is there. A producer's look at the route would be
     * answered with the route of the template.
     */
    static MessageQueue queue(Env env, String topic) throws Exception {
        List<MessageQueue> found = new ArrayList<>();
        Await.until(topic, () -> {
            try {
                found.addAll(env.reader().fetchSubscribeMessageQueues(topic));
                return true;
            } catch (MQClientException notYet) {
                return false;
            }
        });
        Check.equal("queues of " + topic, 1, found.size());
        return found.get(0);
    }

    static String body(MessageExt m) {
        return new String(m.getBody(), StandardCharsets.UTF_8);
    }

    /** Without what the client adds for itself. */
    static Map<String, String> properties(MessageExt m) {
        Map<String, String> p = new TreeMap<>(m.getProperties());
        p.remove("MIN_OFFSET");
        p.remove("MAX_OFFSET");
        p.remove("CONSUME_START_TIME");
        return p;
    }
}
