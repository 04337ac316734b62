package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;
import java.util.Collections;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Names that are refused, by the client before it sends or by the broker; whoever speaks first, the application sees this. */
public final class IllegalNames implements Scenario {
    @Override
    public String name() {
        return "illegal-names";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        byte[] body = "refused".getBytes(StandardCharsets.UTF_8);
        MessageQueue known = env.onlyQueue(env.createTopic("legal-name", 1));
        DefaultMQProducer producer = env.producer("illegal-names", p -> p.setRetryTimesWhenSendFailed(0));
        producer.send(new Message(known.getTopic(), new byte[1]), known); // and so learn where the broker is
        String[] topics = {"", "with space", "with.dot", "with/slash", "ünï", repeat(127), repeat(128), repeat(256),
            "%DLQ%" + repeat(251), "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC",
            "TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT", "TBW102", "rmq_sys_wheel_timer"};
        for (String topic : topics) {
            String shown = topic.length() > 100 ? topic.substring(0, 6) + "... of " + topic.length() : topic;
            outcome(see, "send to [" + shown + "]",
                () -> producer.send(new Message(topic, body), new MessageQueue(topic, known.getBrokerName(), 0)));
        }
        for (String topic : new String[] {"", "with space", "with.dot", repeat(128), "SCHEDULE_TOPIC_XXXX", "TBW102"}) {
            String shown = topic.length() > 100 ? topic.substring(0, 6) + "... of " + topic.length() : topic;
            outcome(see, "create topic [" + shown + "]", () -> env.createTopicNamed(topic, 1));
        }
        for (String group : new String[] {"", "with space", "with.dot", repeat(121), repeat(256), "DEFAULT_PRODUCER"}) {
            String shown = group.length() > 100 ? group.substring(0, 6) + "... of " + group.length() : group;
            outcome(see, "producer group [" + shown + "]", () -> env.producer("illegal", p -> p.setProducerGroup(group)));
        }
    }

    private static void outcome(Transcript see, String what, Transcript.Action action) {
        try {
            action.run();
            see.note("%s: accepted", what);
        } catch (Exception e) {
            see.note("%s: refused, %s", what, Transcript.describe(e));
        }
    }

    private static String repeat(int length) {
        return String.join("", Collections.nCopies(length, "x"));
    }
}
