import java.io.IOException;
import java.util.HashSet;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;

public class Stamp {
    public static void main(String[] args) throws IOException {
        Set<Object> objects = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            objects.add(new Object());
        }
        Properties p = new Properties();
        p.setProperty("id", UUID.randomUUID().toString());
        p.setProperty("objects", Integer.toString(objects.toString().length()));
        p.store(System.out, "made by " + System.getProperty("user.name"));
    }
}
