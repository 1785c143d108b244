package longreach.tests.arch;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.lang.foreign.MemorySegment;
import org.assertj.core.api.Assertions;

@AnalyzeClasses(packages = "longreach", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String[] SERVICES = {
        "longreach.gateway..", "longreach.lm..", "longreach.vision..", "longreach.audio..", "longreach.store.."
    };

    /** A rule over nothing proves nothing. */
    @ArchTest
    static void everyPartIsSeen(JavaClasses classes) {
        for (String part : new String[] {"tensor", "store", "lm", "vision", "audio", "gateway", "standalone"}) {
            Assertions.assertThat(
                            classes.stream().anyMatch(c -> c.getPackageName().startsWith("longreach." + part)))
                    .as(part)
                    .isTrue();
        }
    }

    @ArchTest
    static void servicesDoNotKnowEachOther(JavaClasses classes) {
        for (String service : SERVICES) {
            for (String other : SERVICES) {
                boolean library = service.equals("longreach.lm..") && other.equals("longreach.store..");
                if (!service.equals(other) && !library) {
                    noClasses()
                            .that()
                            .resideInAPackage(service)
                            .should()
                            .dependOnClassesThat()
                            .resideInAPackage(other)
                            .check(classes);
                }
            }
        }
    }

    @ArchTest
    static final ArchRule nothingKnowsStandalone = noClasses()
            .that()
            .resideOutsideOfPackages("longreach.standalone..", "longreach.tests..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("longreach.standalone..");

    @ArchTest
    static final ArchRule tensorIsPlainJava = noClasses()
            .that()
            .resideInAPackage("longreach.tensor..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.springframework..", "io.grpc..", "longreach.v1..");

    @ArchTest
    static final ArchRule theStoreKnowsNoModel = noClasses()
            .that()
            .resideInAPackage("longreach.store..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("longreach.tensor..");

    @ArchTest
    static final ArchRule theStoreContractIsFreeOfRedisAndSpring = noClasses()
            .that()
            .resideInAPackage("longreach.store.api..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.lettuce..", "io.netty..", "org.springframework..", "longreach.store.redis..");

    @ArchTest
    static final ArchRule memoryIsReinterpretedOnlyByNativeKernels = noClasses()
            .that()
            .resideOutsideOfPackage("longreach.tensor.kernel..")
            .should()
            .callMethod(MemorySegment.class, "reinterpret", long.class);

    @ArchTest
    static final ArchRule noCyclesBetweenParts =
            slices().matching("longreach.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule nothingIsInjectedIntoFields = noFields()
            .should()
            .beAnnotatedWith("org.springframework.beans.factory.annotation.Autowired")
            .orShould()
            .beAnnotatedWith("jakarta.inject.Inject");

    @ArchTest
    static final ArchRule staticStateIsConstant = fields().that()
            .areStatic()
            .and()
            .areDeclaredInClassesThat()
            .resideInAnyPackage(SERVICES)
            .should()
            .beFinal();
}
