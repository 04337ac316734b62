package skylarkmq.compat.send;

import java.util.Arrays;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** The client compresses bodies above 4 KiB; the broker stores and serves them as they come, flag and all. */
public final class CompressedBody implements Scenario {
    @Override
    public String name() {
        return "compressed-body";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("compressed-body", 1);
        DefaultMQProducer producer = env.producer("compressed-body");
        byte[] body = new byte[300_000];
        Arrays.fill(body, (byte) 'z');
        byte[] small = Arrays.copyOf(body, 4000);
        producer.send(new Message(topic, body));
        producer.send(new Message(topic, small));
        byte[][] sent = {body, small};
        int i = 0;
        for (MessageExt m : env.readAll(env.onlyQueue(topic), 2)) {
            Check.equalBytes("body", sent[i++], m.getBody());
            see.note("body %d bytes, sysFlag %d, record under 2000 bytes: %b", m.getBody().length, m.getSysFlag(), m.getStoreSize() < 2000);
        }
    }
}
