package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** A batch becomes single messages with consecutive offsets; the reply lists an id for each. */
public final class SendBatch implements Scenario {
    private static final int COUNT = 5;

    @Override
    public String name() {
        return "send-batch";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("send-batch", 1);
        DefaultMQProducer producer = env.producer("send-batch");
        producer.send(new Message(topic, "before the batch".getBytes(StandardCharsets.UTF_8)));
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            Message m = new Message(topic, "tag" + i, "key" + i, ("batched " + i).getBytes(StandardCharsets.UTF_8));
            m.putUserProperty("position", Integer.toString(i));
            batch.add(m);
        }
        SendResult r = producer.send(batch);
        String[] ids = r.getMsgId().split(",");
        see.note("send: %s offset %d, %d unique ids, %d offset ids", r.getSendStatus(), r.getQueueOffset(), ids.length,
            r.getOffsetMsgId().split(",").length);
        List<MessageExt> stored = env.readAll(env.onlyQueue(topic), COUNT + 1);
        for (int i = 0; i < COUNT; i++) {
            MessageExt m = stored.get(i + 1);
            Check.equal("unique id", ids[i], m.getMsgId());
            see.note("stored: offset %d sysFlag %d tags %s keys %s position %s body [%s]", m.getQueueOffset(), m.getSysFlag(),
                m.getTags(), m.getKeys(), m.getUserProperty("position"), new String(m.getBody(), StandardCharsets.UTF_8));
        }
    }
}
