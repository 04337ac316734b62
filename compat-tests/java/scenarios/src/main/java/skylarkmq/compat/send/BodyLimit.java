package skylarkmq.compat.send;

import java.util.Random;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** maxMessageSize is 4 MiB of body: exactly that is stored, a byte more is refused by the broker. */
public final class BodyLimit implements Scenario {
    private static final int LIMIT = 4 << 20;

    @Override
    public String name() {
        return "body-limit";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("body-limit", 1);
        DefaultMQProducer producer = env.producer("body-limit", p -> {
            p.setMaxMessageSize(2 * LIMIT); // the client's own limit is the same 4 MiB: lifted, so that the broker decides
            p.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
            p.setRetryTimesWhenSendFailed(0);
            p.setSendMsgTimeout(30_000);
        });
        byte[] body = new byte[LIMIT];
        new Random(1).nextBytes(body);
        SendResult r = producer.send(new Message(topic, body));
        see.note("4 MiB: %s offset %d", r.getSendStatus(), r.getQueueOffset());
        see.refused("4 MiB and a byte", () -> producer.send(new Message(topic, new byte[LIMIT + 1])));

        Message wide = new Message(topic, new byte[1]);
        wide.putUserProperty("wide", new String(new char[32768]).replace('\0', 'p'));
        try {
            see.refused("properties above 32 KiB", () -> producer.send(wide));
        } catch (AssertionError accepted) {
            see.note("properties above 32 KiB: accepted");
        }

        MessageExt stored = env.readAll(env.onlyQueue(topic), 1).get(0);
        Check.equalBytes("body", body, stored.getBody());
        see.note("stored: body %d bytes, sysFlag %d", stored.getBody().length, stored.getSysFlag());
    }
}
