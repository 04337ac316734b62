package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;
import java.util.List;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Synchronous sends: every field of the reply, and every field of the stored message. */
public final class SendSync implements Scenario {
    @Override
    public String name() {
        return "send-sync";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("send-sync", 1);
        DefaultMQProducer producer = env.producer("send-sync");
        MessageQueue queue = env.onlyQueue(topic);
        SendResult[] sent = new SendResult[3];
        for (int i = 0; i < sent.length; i++) {
            Message m = new Message(topic, "tag" + i, "key" + i, 100 + i, ("body " + i).getBytes(StandardCharsets.UTF_8), true);
            m.putUserProperty("colour", "red" + i);
            sent[i] = producer.send(m);
            see.note("send %d: %s queue %d offset %d transaction %s region %s trace %s", i, sent[i].getSendStatus(),
                sent[i].getMessageQueue().getQueueId(), sent[i].getQueueOffset(), sent[i].getTransactionId(),
                sent[i].getRegionId(), sent[i].isTraceOn());
        }
        List<MessageExt> stored = env.readAll(queue, sent.length);
        for (int i = 0; i < sent.length; i++) {
            MessageExt m = stored.get(i);
            Check.equal("unique id", sent[i].getMsgId(), m.getMsgId());
            Check.that(m.getBornTimestamp() <= m.getStoreTimestamp() + 1000, "born long after it was stored");
            see.note("stored %d: topic %s queue %d offset %d tags %s keys %s flag %d sysFlag %d crc %d reconsume %d body [%s]", i,
                m.getTopic(), m.getQueueId(), m.getQueueOffset(), m.getTags(), m.getKeys(), m.getFlag(), m.getSysFlag(),
                m.getBodyCRC(), m.getReconsumeTimes(), new String(m.getBody(), StandardCharsets.UTF_8));
            see.note("stored %d: born at %s stored at %s properties %s", i, m.getBornHost(), m.getStoreHost(),
                new java.util.TreeMap<>(m.getProperties()));
        }
    }
}
