package skylarkmq.compat.stores;

import java.io.FileInputStream;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.nio.file.Paths;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.broker.BrokerController;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.netty.NettyServerConfig;
import org.apache.rocketmq.store.config.MessageStoreConfig;

/** The brokers of this JVM, by their configuration files. */
final class Brokers {
    private final Map<String, BrokerController> running = new ConcurrentHashMap<>();

    void run(String verb, String[] words) throws Exception {
        switch (verb) {
            case "start":
                BrokerController broker = initialized(words[2]);
                running.put(words[2], broker);
                broker.start();
                return;
            case "stop":
                running.remove(words[2]).shutdown();
                return;
            case "load":
                loaded(words[2]).getMessageStore().shutdown();
                return;
            case "list":
                BrokerController listed = loaded(words[2]);
                new Listing(listed, Boolean.parseBoolean(words[4])).write(Paths.get(words[3]));
                listed.getMessageStore().shutdown();
                return;
            default:
                throw new IllegalArgumentException(verb);
        }
    }

    /** A broker that has loaded its store. One at a time: 5.x looks for its headers in jars that it shares, and closes. */
    private static synchronized BrokerController initialized(String file) throws Exception {
        BrokerController controller = make(file);
        if (!controller.initialize()) {
            controller.shutdown();
            throw new IllegalStateException("the broker does not load " + controller.getMessageStoreConfig().getStorePathRootDir());
        }
        return controller;
    }

    /** A broker of which only the store and the consumers' positions are there: recovery has run. */
    private static BrokerController loaded(String file) throws Exception {
        BrokerController controller = make(file);
        Method metadata;
        try {
            metadata = BrokerController.class.getMethod("initializeMetadata");
        } catch (NoSuchMethodException e) {
            return initialized(file); // 4.x does it all at once
        }
        if (!(Boolean) metadata.invoke(controller) || !(Boolean) BrokerController.class.getMethod("initializeMessageStore").invoke(controller)
            || !controller.getMessageStore().load()) {
            throw new IllegalStateException("the store does not load " + controller.getMessageStoreConfig().getStorePathRootDir());
        }
        return controller;
    }

    private static BrokerController make(String file) throws Exception {
        Properties properties = new Properties();
        try (InputStream in = new FileInputStream(file)) {
            properties.load(in);
        }
        BrokerConfig broker = new BrokerConfig();
        NettyServerConfig server = new NettyServerConfig();
        NettyClientConfig client = new NettyClientConfig();
        MessageStoreConfig store = new MessageStoreConfig();
        for (Object settings : new Object[] {broker, server, client, store}) {
            MixAll.properties2Object(properties, settings);
        }
        broker.setRocketmqHome(Paths.get(file).getParent().toString());
        return new BrokerController(broker, server, client, store);
    }
}
