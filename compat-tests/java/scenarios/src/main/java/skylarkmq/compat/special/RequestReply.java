package skylarkmq.compat.special;

import java.nio.charset.StandardCharsets;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** A producer asks, a consumer replies through the broker; who has gone, or does not wait, is not found. */
public final class RequestReply implements Scenario {
    private static final long PATIENCE = 20_000;

    @Override
    public String name() {
        return "request-reply";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("request-reply", 1);
        DefaultMQProducer replier = env.producer("replier");
        CompletableFuture<MessageExt> asked = new CompletableFuture<>();
        CompletableFuture<SendResult> replied = new CompletableFuture<>();
        DefaultMQPushConsumer consumer = env.pushConsumer("request-reply");
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt m : messages) {
                try {
                    asked.complete(m);
                    String text = new String(m.getBody(), StandardCharsets.UTF_8);
                    if (text.startsWith("nobody answers")) {
                        continue;
                    }
                    byte[] body = text.startsWith("long") ? new byte[100_000] : ("re: " + text).getBytes(StandardCharsets.UTF_8);
                    Message reply = MessageUtil.createReplyMessage(m, body);
                    reply.putUserProperty("mine", "yes");
                    replied.complete(replier.send(reply, PATIENCE));
                } catch (Exception e) {
                    see.note("reply failed: %s", Transcript.describe(e));
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);

        DefaultMQProducer asker = env.producer("asker");
        Message answer = asker.request(new Message(topic, "one".getBytes(StandardCharsets.UTF_8)), PATIENCE);
        note(see, "answer", answer);
        see.note("the request has %s", names((MessageExt) asked.get(PATIENCE, TimeUnit.MILLISECONDS)));
        SendResult r = replied.get(PATIENCE, TimeUnit.MILLISECONDS);
        see.note("reply sent: %s to %s queue %d offset %d", r.getSendStatus(), r.getMessageQueue().getTopic(), r.getMessageQueue().getQueueId(),
            r.getQueueOffset());
        note(see, "long answer", asker.request(new Message(topic, "long".getBytes(StandardCharsets.UTF_8)), PATIENCE));
        later(topic, asker, see);
        unanswered(topic, asker, see);
        refusals(env, see, replier);
        MessageQueue kept = new MessageQueue(env.cluster() + "_REPLY_TOPIC", env.onlyQueue(topic).getBrokerName(), 0);
        long last = env.reader().maxOffset(kept);
        see.note("kept: %s", names(env.reader().pull(kept, "*", last - 1, 1).getMsgFoundList().get(0)));
    }

    /** The send is part of the time, and what failed to be sent in it fails in another way: a slow one gets more. */
    private static void unanswered(String topic, DefaultMQProducer asker, Transcript see) throws Exception {
        MQClientException slow = null;
        for (long millis : new long[] {1000, PATIENCE}) {
            try {
                asker.request(new Message(topic, "nobody answers".getBytes(StandardCharsets.UTF_8)), millis);
                throw new AssertionError("an answer came from nowhere");
            } catch (RequestTimeoutException e) {
                see.note("nobody answers: client code %d", e.getResponseCode());
                return;
            } catch (MQClientException e) {
                slow = e;
            }
        }
        throw slow;
    }

    private static void later(String topic, DefaultMQProducer asker, Transcript see) throws Exception {
        CompletableFuture<Message> answer = new CompletableFuture<>();
        asker.request(new Message(topic, "later".getBytes(StandardCharsets.UTF_8)), new RequestCallback() {
            @Override
            public void onSuccess(Message m) {
                if (m != null) { // the clients call it with nothing as soon as the request is sent
                    answer.complete(m);
                }
            }

            @Override
            public void onException(Throwable e) {
                answer.completeExceptionally(e);
            }
        }, PATIENCE);
        note(see, "to a callback", answer.get(PATIENCE, TimeUnit.MILLISECONDS));
    }

    /** Replies that cannot reach anybody. */
    private static void refusals(Env env, Transcript see, DefaultMQProducer replier) throws Exception {
        see.refused("to a client that is not there", () -> replier.send(reply(env, "nobody@1"), PATIENCE));
        DefaultMQProducer gone = env.producer("gone");
        String id = gone.buildMQClientId();
        env.stop(gone);
        try {
            replier.send(reply(env, id), PATIENCE);
            throw new AssertionError("a client that has gone was found");
        } catch (Exception e) {
            see.note("to a client that has gone: refused, %s", Transcript.describe(e).replace(id, "<client>"));
        }
    }

    private static Message reply(Env env, String client) {
        Message m = new Message(env.cluster() + "_REPLY_TOPIC", "reply".getBytes(StandardCharsets.UTF_8));
        MessageAccessor.putProperty(m, "MSG_TYPE", "reply");
        MessageAccessor.putProperty(m, "REPLY_TO_CLIENT", client);
        MessageAccessor.putProperty(m, "CORRELATION_ID", "c");
        MessageAccessor.putProperty(m, "TTL", "1000");
        return m;
    }

    private static void note(Transcript see, String what, Message m) {
        Check.that(m != null, "%s: none", what);
        String body = m.getBody().length > 100 ? m.getBody().length + " bytes" : new String(m.getBody(), StandardCharsets.UTF_8);
        see.note("%s: %s [%s]", what, body, names(m));
    }

    /** The properties, with the values that say something. */
    private static String names(Message m) {
        StringBuilder s = new StringBuilder();
        new TreeMap<>(m.getProperties()).forEach((k, v) -> {
            boolean tells = k.equals("MSG_TYPE") || k.equals("mine") || k.equals("TTL") || k.equals("CLUSTER") || k.equals("TRACE_ON");
            s.append(s.length() == 0 ? "" : " ").append(k).append(tells ? "=" + v : "");
        });
        return s.toString();
    }
}
